package ready

import (
	"strings"
	"testing"

	"rsc.io/qr"
)

func TestThePictureShowsEveryModuleAndAMargin(t *testing.T) {
	t.Parallel()
	const text = "https://192.0.2.7:8443/hand"
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(picture(text), "\n"), "\n")
	if want := (code.Size + 2*quiet + 1) / 2; len(lines) != want {
		t.Fatalf("%d lines, want %d", len(lines), want)
	}
	for row, line := range lines {
		for column, r := range []rune(strings.TrimPrefix(line, "  ")) {
			x, y := column-quiet, 2*row-quiet
			top, bottom := r == '█' || r == '▀', r == '█' || r == '▄'
			if top == code.Black(x, y) || bottom == code.Black(x, y+1) {
				t.Fatalf("line %d, column %d is %q", row, column, r)
			}
		}
	}
}

func TestATelephoneIsToldWhereToGoAndWhatToTrust(t *testing.T) {
	t.Parallel()
	own := phone("192.0.2.7", 8443, "/authority.crt")
	for _, want := range []string{"https://192.0.2.7:8443/hand", "https://192.0.2.7:8443/authority.crt", "trust it"} {
		if !strings.Contains(own, want) {
			t.Errorf("it does not say %q:\n%s", want, own)
		}
	}
	if known := phone("vigie.example", 443, ""); strings.Contains(known, "trust") || !strings.Contains(known, "https://vigie.example:443/hand") {
		t.Errorf("with a certificate of the hospital's own:\n%s", known)
	}
}
