// Package sim is a control room in one goroutine: deciders, gateways, handhelds, sources and dispatchers, the log between
// them and every clock, run by one event queue and one seeded source of chance. The parts that decide are those that ship
// ([vigie/pkg/es], [vigie/pkg/domain/controlroom], [vigie/pkg/wire], [vigie/pkg/beat], [vigie/pkg/domain/watch],
// [vigie/pkg/snapshot]); the loops around them and the network are modelled.
//
// The same seed gives the same bytes. Every record that is stored is judged at once by a second, naive reading of the
// protocol, and what was promised is checked there; when the faults have ended, everything has to come to rest in time.
// A seed that fails says which promise was broken, tells the last things that happened, and how to run it again; it goes
// into testdata/seeds.txt and is run for ever.
package sim
