package summary

// Schema is where tests look.
const Schema = schema
