package controlroom_test

import (
	"fmt"
	"testing"

	"vigie/pkg/domain/controlroom"
	"vigie/pkg/es"
	intakev1 "vigie/pkg/gen/vigie/intake/v1"
	"vigie/pkg/wire"
)

// BenchmarkFold reads 100 000 decisions as they are stored: alarms, missions through all their legs, and closings.
func BenchmarkFold(b *testing.B) {
	const decisions = 100_000
	log := recorded(b, decisions)
	b.ReportAllocs()
	for b.Loop() {
		f := controlroom.NewFold(room)
		for k, value := range log {
			s := wire.Decode(int64(k), value)
			if j := f.Read(&s); j.Verdict != es.Effective {
				b.Fatal(j)
			}
		}
	}
	b.ReportMetric(float64(decisions)*float64(b.N)/b.Elapsed().Seconds(), "decisions/s")
}

// recorded is the log of one busy decider.
func recorded(b *testing.B, decisions int) [][]byte {
	b.Helper()
	w := es.NewWriter(room, "d", controlroom.Rules(), es.DefaultLimits(), wire.Encode)
	facts := controlroom.Facts{Room: room, LogID: "log", MinuteOfDay: 22 * 60}
	var log [][]byte
	now, offset := start, int64(0)
	commit := func() {
		tick := es.Tick{Now: now, Mono: now}
		step := w.Step(tick, facts)
		for _, value := range step.Batch {
			s := wire.Decode(int64(len(log)), value)
			log = append(log, value)
			w.Read(&s)
		}
		if step.Batch != nil {
			w.Appended(es.Written, tick)
		}
		if step.AskWatermark {
			w.Watermark(offset)
		}
	}
	ask := func(q *intakev1.Request) {
		q.Room, q.Principal, q.Id, q.ReceivedAtMs = room, "edge", fmt.Sprint(offset), now
		value, err := wire.EncodeRequest(q)
		if err != nil {
			b.Fatal(err)
		}
		w.Request(wire.DecodeRequest(offset, value))
		offset++
		commit()
	}
	commit()
	ask(configure(configuration(), "h1"))
	ask(&intakev1.Request{Body: &intakev1.Request_StartDuty{StartDuty: &intakev1.StartDuty{Team: "N1", UntilMs: now * 1000}}})
	ask(link("N1"))
	for len(log) < decisions {
		ask(alarmOf("A", "panel", "BA", "NORD", "pharmacy"))
		m, i := fmt.Sprintf("M%d", w.State.LastMission), fmt.Sprintf("I%d", w.State.LastIncident)
		for _, q := range []*intakev1.Request{delivered(m), seen(m), accept(m), enRoute(m), onScene(m), cleared(m), closing(i, "genuine")} {
			now += 10_000
			ask(q)
		}
	}
	return log[:decisions]
}
