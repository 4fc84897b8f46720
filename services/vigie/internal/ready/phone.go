package ready

import (
	"fmt"
	"net"
	"strconv"
	"strings"

	"rsc.io/qr"
)

// phone says how a telephone of the same network gets to the handheld app.
func phone(host string, port int, authority string) string {
	base := "https://" + net.JoinHostPort(host, strconv.Itoa(port))
	var b strings.Builder
	fmt.Fprintf(&b, "\nOn a telephone of this network:\n\n%s\n  handheld         %s/hand\n", picture(base+"/hand"), base)
	if authority != "" {
		fmt.Fprintf(&b, "  certificate      %s%s\n\n"+
			"The certificate is of this machine's own authority. Fetch it once on the telephone and trust it (Android: Settings,\n"+
			"Security, Install a CA certificate; iPhone: install the profile, then Settings, General, About, Certificate Trust);\n"+
			"or give the hospital's own with --tls-cert and --tls-key.\n", base, authority)
	}
	return b.String()
}

// quiet is the margin that scanners want, in modules.
const quiet = 2

// picture draws a QR code for a dark terminal, two rows of it in a line of text. What cannot be drawn is left out: the address
// stands beside it.
func picture(text string) string {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return ""
	}
	light := func(x, y int) bool { return !code.Black(x, y) } // outside, too
	var b strings.Builder
	for y := -quiet; y < code.Size+quiet; y += 2 {
		b.WriteString("  ")
		for x := -quiet; x < code.Size+quiet; x++ {
			switch top, bottom := light(x, y), light(x, y+1); {
			case top && bottom:
				b.WriteRune('█')
			case top:
				b.WriteRune('▀')
			case bottom:
				b.WriteRune('▄')
			default:
				b.WriteByte(' ')
			}
		}
		b.WriteByte('\n')
	}
	return b.String()
}
