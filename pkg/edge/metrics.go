package edge

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// Register has a registry show what waits in the journal of a service, and what was ever acknowledged from it.
func (e *Edge) Register(r *prometheus.Registry, service string) error {
	labels := prometheus.Labels{"service": service}
	return errors.Join(
		r.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "vigie_journal_entries", Help: "Alarms and SOS on disk that Kafka has not taken yet.", ConstLabels: labels,
		}, func() float64 { return float64(e.Entries()) })),
		r.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "vigie_provisional_total", Help: "Alarms and SOS acknowledged from the journal since the start.", ConstLabels: labels,
		}, func() float64 { return float64(e.Provisional()) })),
	)
}
