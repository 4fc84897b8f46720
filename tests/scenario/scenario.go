// Package scenario is the suite of nights in the control room: each test starts the product as its users do, plays a night
// over public interfaces only (sockets, HTTP, the command line and Kafka's address), and leaves through a common check of
// everything that was promised in it. The program is VIGIE_BIN, or is built once by the suite.
//
// The same nights are played on two topologies: everything in one process on embedded parts, and, with VIGIE_TOPOLOGY=kafka,
// every service in a process of its own (two deciders and two gateways among them) on three brokers of real Kafka.
package scenario
