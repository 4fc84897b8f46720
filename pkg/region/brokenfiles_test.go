package region_test

type brokenFile struct {
	name     string
	old, new string
	want     []string
}

func brokenFiles() []brokenFile {
	return []brokenFile{
		{
			name: "an unknown time zone",
			old:  "Europe/Paris", new: "Europe/Pariss",
			want: []string{`r.yaml:3: unknown time zone "Europe/Pariss": use an IANA name such as Europe/Paris`},
		},
		{
			name: "a misspelt key",
			old:  "timezone:", new: "time_zone:",
			want: []string{
				`r.yaml:1: region: "timezone" is missing: add it`,
				`r.yaml:3: region: unknown key "time_zone": did you mean "timezone"?`,
			},
		},
		{
			name: "a key twice",
			old:  "name: Test",
			new: `name: Test
name: Again`,
			want: []string{`r.yaml:3: region: "name" was already given in line 2: remove one of them`},
		},
		{
			name: "an anchor",
			old:  "name: Alpha", new: "name: &x Alpha",
			want: []string{"r.yaml:20: expected one plain value here: lists, empty values, anchors and tags are not read"},
		},
		{
			name: "an alias",
			old:  "name: Bravo", new: "name: *x",
			want: []string{"r.yaml:38: expected one plain value here: lists, empty values, anchors and tags are not read"},
		},
		{
			name: "a region id with capitals",
			old:  "region: test", new: "region: Test",
			want: []string{`r.yaml:1: "Test" is not an id: use 1 to 40 of a-z, 0-9 and -`},
		},
		{
			name: "an empty name",
			old:  "name: Alpha", new: `name: ""`,
			want: []string{"r.yaml:20: this name is empty: write what people call it"},
		},
		{
			name: "a broken bracket",
			old:  "[drone]", new: "[drone",
			want: []string{"r.yaml:5: not YAML: ',' or ']' must be specified in column 1: check the indentation, quotes and brackets there"},
		},
		{
			name: "a bad indentation",
			old:  "    name: Alpha", new: "   name: Alpha",
			want: []string{"r.yaml:20: not YAML: value is not allowed in this context in column 4: check the indentation, quotes and brackets there"},
		},
		{
			name: "a text with a comma",
			old:  "label: Look,", new: "label: Look, closely,",
			want: []string{`r.yaml:17: step: unknown key "closely": put quotes around a text that holds a comma or a colon`},
		},
		{
			name: "an unknown category",
			old:  "[access], zones", new: "[acces], zones",
			want: []string{`r.yaml:16: unknown category "acces": did you mean "access"?`},
		},
		{
			name: "a category far from any",
			old:  "[terrorism]", new: "[weather]",
			want: []string{`r.yaml:14: unknown category "weather": use delinquency, imported_violence, internal_violence, terrorism, intrusion, access, lone_worker, duress, fire, technical, patient_missing, assistance or unclassified`},
		},
		{
			name: "an unknown capability",
			old:  "[intervention, drone]", new: "[intervention, drones]",
			want: []string{`r.yaml:33: unknown capability "drones": did you mean "drone"?`},
		},
		{
			name: "a capability twice",
			old:  "[intervention, drone]", new: "[drone, drone]",
			want: []string{`r.yaml:33: capabilities: "drone" is given twice: remove one`},
		},
		{
			name: "no capability",
			old:  "[intervention, drone]", new: "[]",
			want: []string{"r.yaml:33: team t1 has no capabilities: give it at least one, such as intervention"},
		},
		{
			name: "an unknown mode",
			old:  "mode: proposed", new: "mode: auto",
			want: []string{`r.yaml:17: unknown mode "auto": use automatic, proposed or manual`},
		},
		{
			name: "a priority of four",
			old:  "priority: P3", new: "priority: 4",
			want: []string{`r.yaml:12: "4" is not a priority: use P1, P2 or P3`},
		},
		{
			name: "a time without a unit",
			old:  "turnout: 50s", new: "turnout: 50",
			want: []string{`r.yaml:9: "50" is not a time: write a number and a unit, such as 90s or 20m`},
		},
		{
			name: "a negative time",
			old:  "walk: 60s", new: "walk: -5s",
			want: []string{`r.yaml:24: "-5s" is negative: write a time from 0s to 24h`},
		},
		{
			name: "half a second",
			old:  "walk: 60s", new: "walk: 1500ms",
			want: []string{`r.yaml:24: "1500ms" is out of range: write whole seconds, from 0s to 24h`},
		},
		{
			name: "nobody is given time to answer",
			old:  "[30s, 90s, 90s]", new: "[0s, 90s, 90s]",
			want: []string{"r.yaml:9: 0s leaves no time: write at least 1s"},
		},
		{
			name: "two values for three priorities",
			old:  "[30s, 90s, 90s]", new: "[30s, 90s]",
			want: []string{"r.yaml:9: expected three values, for P1, P2 and P3: write them as in [30s, 90s, 90s]"},
		},
		{
			name: "a shift past the end of the day",
			old:  "07:00-19:00", new: "07:00-25:00",
			want: []string{`r.yaml:33: "07:00-25:00" is not a time band: write "07:00-19:00", with hours from 00:00 to 24:00`},
		},
		{
			name: "a shift of no length",
			old:  "07:00-19:00", new: "07:00-07:00",
			want: []string{`r.yaml:33: "07:00-07:00" starts and ends at the same minute: write "00:00-24:00" for the whole day`},
		},
		{
			name: "shifts that overlap",
			old:  "07:00-19:00", new: "07:00-20:00",
			want: []string{`r.yaml:33: shift "19:00-07:00" overlaps another of the team: shorten or remove one`},
		},
		{
			name: "a shift from 24:00",
			old:  "00:00-24:00", new: "24:00-08:00",
			want: []string{`r.yaml:46: "24:00-08:00" is not a time band: write "07:00-19:00", with hours from 00:00 to 24:00`},
		},
		{
			name: "too many guards",
			old:  "guards: 2", new: "guards: 500",
			want: []string{`r.yaml:33: "500" is out of range: write a whole number from 1 to 50`},
		},
		{
			name: "a team of an unknown site",
			old:  "site: a1, guards", new: "site: a11, guards",
			want: []string{`r.yaml:33: team t1: unknown site "a11": did you mean "a1"?`},
		},
		{
			name: "a team of another room's site",
			old:  "site: a1, guards", new: "site: b1, guards",
			want: []string{"r.yaml:33: team t1: site b1 belongs to room bravo: use a site of room alpha"},
		},
		{
			name: "a team that may not go home",
			old:  "sites: [a2, a1]", new: "sites: [a1]",
			want: []string{`r.yaml:34: team t2 may not enter its own site a2: add it to "sites"`},
		},
		{
			name: "an unknown transport",
			old:  "transport: vehicle", new: "transport: bicycle",
			want: []string{`r.yaml:34: unknown transport "bicycle": use foot or vehicle`},
		},
		{
			name: "two rooms of one id",
			old:  "id: bravo", new: "id: alpha",
			want: []string{"r.yaml:37: room alpha is already in line 19: rename one"},
		},
		{
			name: "two sites of one id",
			old:  "id: b1", new: "id: a1",
			want: []string{
				"r.yaml:40: site a1 is already in line 22: rename one",
				`r.yaml:46: team t3: unknown site "b1": did you mean "a1"?`,
			},
		},
		{
			name: "two teams of one id",
			old:  "id: t3", new: "id: t1",
			want: []string{"r.yaml:46: team t1 is already in line 33: rename one"},
		},
		{
			name: "two teams of one call sign",
			old:  "call_sign: T 2", new: "call_sign: T 1",
			want: []string{"r.yaml:34: call sign T 1 is already in line 33: rename one"},
		},
		{
			name: "two entrances of one id",
			old:  "id: back", new: "id: main",
			want: []string{"r.yaml:25: site a1: entrance main is described twice: rename one"},
		},
		{
			name: "two plans of one id",
			old:  "id: hall", new: "id: fire",
			want: []string{"r.yaml:16: plan fire is described twice: rename one"},
		},
		{
			name: "two steps of one id",
			old:  "id: look", new: "id: call",
			want: []string{"r.yaml:17: step call is described twice: rename one"},
		},
		{
			name: "two zones of one code",
			old:  "code: ED", new: "code: HALL",
			want: []string{"r.yaml:6: zone HALL is described twice: rename one"},
		},
		{
			name: "a zone of two sets",
			old:  "code: LAB", new: "code: ED",
			want: []string{"r.yaml:27: site a2: zone ED comes from two zone sets: keep one of them"},
		},
		{
			name: "an unknown zone set",
			old:  "[base, more]", new: "[base, mores]",
			want: []string{`r.yaml:31: unknown zone set "mores": describe it in zone_sets, did you mean "more"?`},
		},
		{
			name: "a site without an entrance",
			old:  "[{id: main, label: Main, lat: 48.86, lon: 2.36}]", new: "[]",
			want: []string{"r.yaml:27: site a2 has no entrance: teams cannot be sent to it, add one with lat and lon"},
		},
		{
			name: "a site without zones",
			old: `zones: [{code: HALL, label: Hall}]
`,
			new: `zones: []
`,
			want: []string{"r.yaml:40: site b1 has no zones: name zone_sets or describe zones"},
		},
		{
			name: "a site off the earth",
			old:  "lat: 48.86, lon: 2.36", new: "lat: 148.86, lon: 2.36",
			want: []string{`r.yaml:30: "148.86" is out of range: write a number from -90 to 90`},
		},
		{
			name: "a latitude that is no number",
			old:  "lat: 48.86, lon: 2.36", new: "lat: NaN, lon: 2.36",
			want: []string{`r.yaml:30: "NaN" is out of range: write a number from -90 to 90`},
		},
		{
			name: "latitude and longitude swapped",
			old:  "lat: 48.86, lon: 2.36", new: "lat: 2.36, lon: 48.86",
			want: []string{"r.yaml:30: site a2: entrance main is 6792 km from the middle of the region: lat and lon are swapped"},
		},
		{
			name: "a site on another continent",
			old:  "lat: 48.86, lon: 2.36", new: "lat: 48.86, lon: -72.36",
			want: []string{"r.yaml:30: site a2: entrance main is 5233 km from the middle of the region, over 500 km: check lat and lon"},
		},
		{
			name: "terrorism offered by itself",
			old:  "categories: [terrorism], mode: manual, guards: 0", new: "categories: [terrorism], mode: automatic",
			want: []string{"r.yaml:14: plan terrorism is automatic and may be used for terrorism, which is never offered by itself: put a manual plan for terrorism before it"},
		},
		{
			name: "no plan for terrorism but the last one",
			old:  "categories: [terrorism], mode: manual, guards: 0", new: "categories: [access], mode: manual",
			want: []string{"r.yaml:17: plan rest is proposed and may be used for terrorism, which is never offered by itself: put a manual plan for terrorism before it"},
		},
		{
			name: "fire sent across sites",
			old:  "own_site_only: true, ", new: "",
			want: []string{"r.yaml:15: plan fire may be used for fire, which only the site's own fire-trained guards answer: set own_site_only: true and capabilities: [fire] in a plan for fire before it"},
		},
		{
			name: "fire for the untrained",
			old:  ", capabilities: [fire]}", new: "}",
			want: []string{"r.yaml:15: plan fire may be used for fire, which only the site's own fire-trained guards answer: set own_site_only: true and capabilities: [fire] in a plan for fire before it"},
		},
		{
			name: "a category without a plan",
			old:  "id: rest, mode: proposed", new: "id: rest, mode: proposed, categories: [access, technical, assistance]",
			want: []string{
				"r.yaml:19: room alpha has no plan for delinquency, imported_violence, internal_violence, intrusion, lone_worker, duress, patient_missing, unclassified at site a1 from 00:00 to 24:00: add one, or a last plan without categories, sites, zones and hours",
				"r.yaml:37: room bravo has no plan for delinquency, imported_violence, internal_violence, intrusion, lone_worker, duress, patient_missing, unclassified at site b1 from 00:00 to 24:00: add one, or a last plan without categories, sites, zones and hours",
			},
		},
		{
			name: "a category without a plan by night",
			old:  "id: rest, mode: proposed", new: `id: rest, mode: proposed, hours: "07:00-24:00"`,
			want: []string{
				"r.yaml:19: room alpha has no plan for delinquency, imported_violence, internal_violence, intrusion, access, lone_worker, duress, technical, patient_missing, assistance, unclassified at site a1 from 00:00 to 07:00: add one, or a last plan without categories, sites, zones and hours",
				"r.yaml:37: room bravo has no plan for delinquency, imported_violence, internal_violence, intrusion, access, lone_worker, duress, technical, patient_missing, assistance, unclassified at site b1 from 00:00 to 07:00: add one, or a last plan without categories, sites, zones and hours",
			},
		},
		{
			name: "a plan for an unknown site",
			old:  "sites: [a1], mode", new: "sites: [a9], mode",
			want: []string{`r.yaml:16: plan hall: unknown site "a9": use the id of a site of the region`},
		},
		{
			name: "a plan for an unknown zone",
			old:  "zones: [HALL], sites", new: "zones: [HAL], sites",
			want: []string{`r.yaml:16: plan hall: unknown zone "HAL": use the code of a zone of its sites`},
		},
		{
			name: "an automatic plan for nobody",
			old:  "mode: automatic, hours", new: "guards: 0, mode: automatic, hours",
			want: []string{"r.yaml:16: plan hall offers no guards: want at least 1, or make it manual"},
		},
		{
			name: "a travel time to nowhere",
			old:  "to: a2", new: "to: c1",
			want: []string{`r.yaml:36: travel time: unknown site "c1": did you mean "a1"?`},
		},
		{
			name: "a travel time to itself",
			old:  "to: a2", new: "to: a1",
			want: []string{"r.yaml:36: travel time from a1 to itself: use the walks of the site and its zones"},
		},
		{
			name: "a room without sites",
			old: `    sites:
      - id: b1
        name: B one
        walk: 60s
        entrances: [{id: main, label: Main, lat: 48.87, lon: 2.37}]
        zones: [{code: HALL, label: Hall}]
    teams:
      - {id: t3, call_sign: T 1, site: b1, guards: 1, capabilities: [intervention], shifts: ["00:00-24:00"]}`,
			new: `    sites: []
    teams: []`,
			want: []string{`r.yaml:37: room bravo has no sites: add one to "sites"`},
		},
		{
			name: "several problems at once",
			old:  "transport: vehicle, sites: [a2, a1]}", new: "transport: bus, sites: [a2, z], colour: red}",
			want: []string{
				`r.yaml:34: unknown transport "bus": use foot or vehicle`,
				`r.yaml:34: team: unknown key "colour": use id, call_sign, site, capabilities, transport, guards, shifts or sites`,
				`r.yaml:34: team t2: unknown site "z": did you mean "a1"?`,
			},
		},
		{
			name: "neither true nor false",
			old:  "mandatory: true", new: "mandatory: yes",
			want: []string{`r.yaml:17: "yes" is neither true nor false: write one of them`},
		},
		{
			name: "an alarm code with a space",
			old:  "    DOOR:", new: "    DO OR:",
			want: []string{`r.yaml:12: "DO OR" is not a code: use 1 to 40 letters, digits and - _ . / without accents`},
		},
		{
			name: "a list where a value belongs",
			old:  "name: Alpha", new: "name: [Alpha]",
			want: []string{"r.yaml:20: expected one plain value here: lists, empty values, anchors and tags are not read"},
		},
		{
			name: "a value where a list belongs",
			old:  "capabilities: [intervention]", new: "capabilities: intervention",
			want: []string{`r.yaml:46: capabilities: expected a list: write "- " before each item, or [a, b]`},
		},
		{
			name: "a fence narrower than the noise of positions",
			old:  "name: A one", new: "name: A one\n        fence_m: 5",
			want: []string{`r.yaml:24: "5" is out of range: write a whole number from 25 to 5000`},
		},
		{
			name: "an area without a radius",
			old:  "{code: LAB, label: Laboratory}", new: "{code: LAB, label: Laboratory, area: {lat: 48.86, lon: 2.36}}",
			want: []string{`r.yaml:7: area: "radius_m" is missing: add it`},
		},
		{
			name: "an area that is not at its site",
			old:  "{code: LAB, label: Laboratory}", new: "{code: LAB, label: Laboratory, area: {lat: 48.96, lon: 2.36, radius_m: 60}}",
			want: []string{"r.yaml:7: site a2: the area of zone LAB is 11 km from the nearest entrance, over 5 km: check lat and lon"},
		},
	}
}
