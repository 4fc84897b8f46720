package logcmd

import (
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"vigie/pkg/wire/line"
)

// words writes records for people: when, which version, and what happened.
func words(w io.Writer) func(line.Record, *time.Location) error {
	say := phrases()
	return func(r line.Record, zone *time.Location) error {
		when := r.At
		if at, err := time.Parse(time.RFC3339, r.At); err == nil {
			when = at.In(zone).Format("2006-01-02 15:04:05.000 MST")
		}
		_, err := fmt.Fprintf(w, "%-27s  #%-7d v%-7d %s\n", when, r.Offset, r.Version, sentence(r, say))
		return err
	}
}

func sentence(r line.Record, say map[string]string) string {
	var parts []string
	switch {
	case r.Halts != "":
		return "THE LOG CANNOT BE TRUSTED FROM HERE ON: " + r.Halts
	case !r.Effective:
		parts = append(parts, "void ("+r.VoidReason+"), never applied:")
	}
	switch {
	case r.Refusal != nil:
		parts = append(parts, fmt.Sprintf("refused %s to %s: %s", r.Refusal.Code, r.Cause.Principal, r.Refusal.Message))
	case r.RepeatOf != 0:
		parts = append(parts, fmt.Sprintf("the same request from %s again: answered by version %d", r.Cause.Principal, r.RepeatOf))
	case len(r.Events) == 0:
		parts = append(parts, "nothing to do")
	}
	events := make([]string, len(r.Events))
	for i, event := range r.Events {
		events[i] = phrase(event, say)
	}
	parts = append(parts, strings.Join(events, "; "))
	return strings.TrimSpace(strings.Join(parts, " "))
}

func phrase(event json.RawMessage, say map[string]string) string {
	var fields map[string]any
	if err := json.Unmarshal(event, &fields); err != nil {
		return string(event)
	}
	kind, _ := fields["type"].(string)
	template, ok := say[kind]
	if !ok {
		return kind
	}
	text := placeholder.ReplaceAllStringFunc(template, func(name string) string {
		return value(fields[strings.Trim(name, "{}")])
	})
	if fields["unverified"] == true {
		text += " (UNVERIFIED: nobody checked who they are)"
	}
	return text
}

var placeholder = regexp.MustCompile(`\{[a-z_]+\}`)

func value(v any) string {
	switch v := v.(type) {
	case nil:
		return "-"
	case string:
		if v == "" {
			return "-"
		}
		return v
	case []any:
		texts := make([]string, len(v))
		for i, one := range v {
			texts[i] = value(one)
		}
		if len(texts) == 0 {
			return "nobody"
		}
		return strings.Join(texts, ", ")
	}
	return fmt.Sprint(v)
}

// phrases says each type of event in words, with the fields that matter.
func phrases() map[string]string {
	return map[string]string{
		"log_opened":           "log {log_id} opened",
		"log_reopened":         "log reopened after record {good_offset} by {who}, {dead_records} records dead: {why}",
		"region_configured":    "region configured ({hash})",
		"alarm_received":       "alarm {code} ({category}, P{priority}) at {site}/{zone} from {source} for incident {incident}",
		"alarm_restored":       "alarm {code} at {site}/{zone} restored by {source}",
		"request_undecidable":  "a request could not be decided: {why}",
		"incident_opened":      "incident {incident} opened: {category}, P{priority}, at {site}/{zone}, by {opened_by}",
		"incident_aggravated":  "incident {incident} aggravated to P{priority}, {category}",
		"incident_claimed":     "incident {incident} claimed by {by}",
		"incident_released":    "incident {incident} released by {by}",
		"incident_controlled":  "incident {incident} under control, says {by}",
		"incident_closed":      "incident {incident} closed by {by}: {disposition}",
		"incident_cancelled":   "incident {incident} cancelled by {by}: {reason}",
		"incident_neglected":   "incident {incident} neglected, step {step}",
		"sos_raised":           "SOS of team {team} at {site}/{zone}: incident {incident}",
		"note_added":           "note of {by} on incident {incident}",
		"backup_requested":     "team {team} asks for {guards} more on incident {incident}: P{priority}, {guards_wanted} guards wanted",
		"teams_proposed":       "for incident {incident} proposed: {proposed}",
		"still_no_team":        "still no team found for incident {incident}",
		"teams_chosen":         "for incident {incident} chosen: {chosen}",
		"no_team_found":        "no team found for incident {incident}",
		"mission_offered":      "mission {mission} of incident {incident} offered to team {team}",
		"mission_undelivered":  "mission {mission} not delivered in time",
		"mission_delivered":    "mission {mission} delivered",
		"mission_seen":         "mission {mission} seen",
		"mission_accepted":     "mission {mission} accepted",
		"mission_declined":     "mission {mission} declined: {reason}",
		"mission_expired":      "mission {mission} expired without an answer",
		"mission_departed":     "mission {mission} on its way",
		"mission_arrived":      "mission {mission} on scene",
		"mission_cleared":      "mission {mission} cleared",
		"mission_cancelled":    "mission {mission} cancelled by {by}: {reason}",
		"late_answer_honoured": "late answer of team {team}: mission {mission} in place of {previous}",
		"duty_started":         "team {team} on duty",
		"duty_ended":           "team {team} off duty: {reason}",
		"duty_extended":        "team {team} stays on duty until its mission has ended",
		"place_entered":        "team {team} came to {site}/{zone}",
		"place_left":           "team {team} left {site}/{zone}",
		"device_linked":        "device {device} of team {team} linked",
		"device_unlinked":      "device {device} of team {team} unlinked",
		"gateway_disappeared":  "gateway {gateway} disappeared",
		"clock_stepped":        "the room's clock was set back by {delta_ms} ms",
		"level_raised":         "the room was raised to level {level}",
	}
}
