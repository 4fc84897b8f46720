package lastknown

// NewFold is what the projection is compared with.
var NewFold = newFold
