// Package scenario is the suite of nights in the control room: each test starts the product as its users do, plays a night
// over public interfaces only (sockets, HTTP, the command line and Kafka's address), and leaves through a common check of
// everything that was promised in it. The program is VIGIE_BIN, or is built once by the suite.
package scenario
