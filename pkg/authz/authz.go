// Package authz says who may do what to which room, site or team.
//
// It is one table (role to actions) and one pure function, Allow, which denies
// whatever the table does not grant. Callers ask it at every command, every
// query and every push, with the principal as it is now, not as it was when the
// socket opened; and they fill Object from what is being touched (the site of
// the incident, the team of the mission), never from what the request claims.
package authz

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Role is what a person or a machine is to the room.
type Role string

// The roles an account can be granted, and the two that only the directory
// gives: to a handheld signed on for a team and to an alarm source.
const (
	Dispatcher Role = "dispatcher"
	Chief      Role = "chief"
	Supervisor Role = "supervisor"
	Region     Role = "region"
	Integrator Role = "integrator"
	Auditor    Role = "auditor"
	Admin      Role = "admin"
	Guard      Role = "guard"
	Source     Role = "source"
)

// AccountRoles lists the roles that an account can be granted.
func AccountRoles() []Role {
	return []Role{Dispatcher, Chief, Supervisor, Region, Integrator, Auditor, Admin}
}

// Action is one thing that somebody may or may not do.
type Action string

// The closed list of actions.
const (
	// ReadRoom is the board and the socket of a room.
	ReadRoom Action = "read_room"
	// ReadPositions is where teams on duty are, to some metres.
	ReadPositions Action = "read_positions"
	// CommandIncident is incident.*.
	CommandIncident Action = "command_incident"
	// CommandMission is mission.assign and mission.cancel.
	CommandMission Action = "command_mission"
	// ActAsTeam is what a team does or has recorded for it: receipts and
	// answers of missions, duty, SOS, and the socket of the team.
	ActAsTeam Action = "act_as_team"
	// ReadHistory is replay, state, timeline and the decoded log.
	ReadHistory Action = "read_history"
	// ReadLogRaw is the bytes of the log as stored.
	ReadLogRaw Action = "read_log_raw"
	// IssueDeviceToken signs a handheld on for a team.
	IssueDeviceToken Action = "issue_device_token"
	// Administer is accounts and sources.
	Administer Action = "administer"
	// SendAlarm is POST /v1/alarms.
	SendAlarm Action = "send_alarm"
	// ConfigureRegion is sites, plans and parameters.
	ConfigureRegion Action = "configure_region"
)

// Actions lists every action.
func Actions() []Action {
	return []Action{
		ReadRoom, ReadPositions, CommandIncident, CommandMission, ActAsTeam, ReadHistory,
		ReadLogRaw, IssueDeviceToken, Administer, SendAlarm, ConfigureRegion,
	}
}

// may is the table. A direction (region) and a supervisor watch and look back
// but do not command; an admin makes accounts but does not see the room. Where
// guards are is for those who send them or answer for them.
func may(r Role) []Action {
	switch r {
	case Dispatcher:
		return []Action{ReadRoom, ReadPositions, CommandIncident, CommandMission, ActAsTeam, ReadHistory}
	case Chief:
		return []Action{ReadRoom, ReadPositions, CommandIncident, CommandMission, ActAsTeam, ReadHistory, IssueDeviceToken}
	case Supervisor:
		return []Action{ReadRoom, ReadPositions, ReadHistory, IssueDeviceToken}
	case Region:
		return []Action{ReadRoom, ReadHistory}
	case Integrator:
		return []Action{ReadRoom, ConfigureRegion}
	case Auditor:
		return []Action{ReadHistory, ReadLogRaw}
	case Admin:
		return []Action{Administer, ConfigureRegion, IssueDeviceToken, ReadLogRaw}
	case Guard:
		return []Action{ActAsTeam}
	case Source:
		return []Action{SendAlarm}
	}
	return nil
}

// Scope is where a grant holds: "region", "room/R" or "site/S".
type Scope string

// RegionScope covers every room and site.
const RegionScope Scope = "region"

// RoomScope covers one room with all its sites.
func RoomScope(room string) Scope { return Scope("room/" + room) }

// SiteScope covers one site, and of its room nothing else.
func SiteScope(site string) Scope { return Scope("site/" + site) }

// covers is strict: a site's grant says nothing about its room, and an object
// that names no room or site is the region's.
func (s Scope) covers(on Object) bool {
	if s == RegionScope {
		return true
	}
	kind, id, _ := strings.Cut(string(s), "/")
	switch {
	case id == "":
		return false
	case kind == "room":
		return on.Room == id
	case kind == "site":
		return on.Site == id
	}
	return false
}

// Grant is one role in one scope.
type Grant struct {
	Role  Role  `json:"role"`
	Scope Scope `json:"scope"`
}

// ErrBadGrant is a grant that no account can hold.
var ErrBadGrant = errors.New("no such grant")

// Validate says whether an account can hold the grant.
func (g Grant) Validate() error {
	if !slices.Contains(AccountRoles(), g.Role) {
		return fmt.Errorf("%w: role %q: use one of %v", ErrBadGrant, g.Role, AccountRoles())
	}
	kind, id, _ := strings.Cut(string(g.Scope), "/")
	if g.Scope != RegionScope && (kind != "room" && kind != "site" || id == "" || strings.Contains(id, "/")) {
		return fmt.Errorf("%w: scope %q: use region, room/R or site/S", ErrBadGrant, g.Scope)
	}
	return nil
}

// Kind says what stands behind a principal.
type Kind string

// The kinds of principals.
const (
	KindAccount Kind = "account"
	KindDevice  Kind = "device"
	KindSource  Kind = "source"
	KindService Kind = "service"
)

// Principal is whoever sent something, as the directory knows them now.
type Principal struct {
	ID     string
	Kind   Kind
	Grants []Grant
	// Room is that of a device or a source; Team and Guard are a device's.
	Room, Team, Guard string
}

// Object is what an action touches. What does not apply stays empty.
type Object struct {
	Room, Site, Team string
}

// Allow says whether p may do a on an object.
func Allow(p Principal, a Action, on Object) bool { return RoleFor(p, a, on) != "" }

// RoleFor is the role in which p does a on an object: of the roles that its grants give it there, the highest, or "" when
// none allows it. A role that it holds elsewhere says nothing here, and the order of its grants nothing at all.
func RoleFor(p Principal, a Action, on Object) Role {
	as := Role("")
	for _, g := range p.Grants {
		if holds(p, g.Role, on) && g.Scope.covers(on) && slices.Contains(may(g.Role), a) && g.Role.rank() > as.rank() {
			as = g.Role
		}
	}
	return as
}

// rank orders roles by what they may overrule: a chief takes over from a dispatcher. Between roles of which neither
// overrules the other it only makes the choice one and the same.
func (r Role) rank() int {
	return 1 + slices.Index([]Role{Source, Guard, Auditor, Integrator, Region, Supervisor, Dispatcher, Chief, Admin}, r)
}

// holds ties a role to the kind of principal it is for, so that a grant that
// strayed (an account made "guard", a device made "chief") is worth nothing.
func holds(p Principal, r Role, on Object) bool {
	switch r {
	case Guard:
		return p.Kind == KindDevice && p.Guard != "" && p.Team != "" && p.Team == on.Team && p.Room == on.Room
	case Source:
		return p.Kind == KindSource && p.Room != "" && p.Room == on.Room
	case Dispatcher, Chief, Supervisor, Region, Integrator, Auditor, Admin:
		return p.Kind == KindAccount || p.Kind == KindService
	}
	return false
}
