package scenario_test

import (
	"flag"
	"os"
	"testing"

	"go.uber.org/goleak"

	"vigie/tests/stack"
)

// atOnce is how many scenarios run side by side: they wait more than they compute. -parallel overrides it.
const atOnce = "3"

// aboutTheNode are the nights about the embedded node's own files and address, which separate processes do not have.
const aboutTheNode = "TestAStartThatCannotBe|TestAFileThatMayNotGrow|TestAFullDisk|TestAFlippedByte"

// aboutProcesses are those in which some of the processes die and others go on.
const aboutProcesses = "TestWhileNobodyDecides|TestWhenAGatewayDies|TestWhoeverDecidesIsKilled|TestADeciderThat|TestADeciderWhose|TestThreeDeciders|" +
	"TestWhileKafkaIsAway|TestWhatGuardsAnswer|TestADeviceThatComesBackThroughABalancer|TestWhileRedis|TestWhenTheLeader|TestABrokersDisk"

func TestMain(m *testing.M) {
	set := func(name, value string) {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	set("test.parallel", atOnce)
	set("test.skip", "^("+aboutProcesses+")")
	run := m.Run
	switch name := os.Getenv(topologyVariable); name {
	case "":
	case "kafka":
		set("test.skip", "^("+aboutTheNode+")")
		run = func() int { return stack.Main(m, stack.Options{Redis: true}, func(s *stack.Stack) { kafka.Stack = s }) }
	default:
		panic(topologyVariable + "=" + name + ": leave it out, or say kafka")
	}
	status := run()
	programs.clean()
	if status == 0 {
		if err := goleak.Find(); err != nil {
			_, _ = os.Stderr.WriteString("goroutines left behind: " + err.Error() + "\n")
			status = 1
		}
	}
	os.Exit(status)
}
