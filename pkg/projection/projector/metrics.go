package projector

import "github.com/prometheus/client_golang/prometheus"

var ( //nolint:gochecknoglobals // descriptions are constants that Go cannot write as such
	labels     = []string{"projection", "room"}
	offsetDesc = prometheus.NewDesc("vigie_projection_offset", "Offset of the last record folded into the projection.", labels, nil)
	coldDesc   = prometheus.NewDesc("vigie_projection_cold", "1 while the projection is not whole.", labels, nil)
	brokenDesc = prometheus.NewDesc("vigie_projection_interruptions_total", "How often projecting had to begin anew from what is stored.", labels, nil)
)

// Describe implements prometheus.Collector.
func (*Projector) Describe(chan<- *prometheus.Desc) {
	// Two projectors in one process have the same names with other labels: unchecked.
}

// Collect implements prometheus.Collector.
func (p *Projector) Collect(c chan<- prometheus.Metric) {
	p.mu.Lock()
	lanes := p.lanes
	p.mu.Unlock()
	for _, l := range lanes {
		cold := 0.0
		if l.cold.Load() {
			cold = 1
		}
		at := []string{p.cfg.Schema, l.room.Room}
		c <- prometheus.MustNewConstMetric(offsetDesc, prometheus.GaugeValue, float64(l.offset.Load()), at...)
		c <- prometheus.MustNewConstMetric(coldDesc, prometheus.GaugeValue, cold, at...)
		c <- prometheus.MustNewConstMetric(brokenDesc, prometheus.CounterValue, float64(l.broken.Load()), at...)
	}
}
