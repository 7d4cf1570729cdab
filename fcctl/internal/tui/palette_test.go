package tui

import (
	"math"
	"strconv"
	"testing"

	"github.com/muesli/termenv"
)

// Every colour can be read on the backgrounds that terminals have: WCAG 2.2 asks
// for a contrast of 4.5 to 1 (1.4.3).
func TestEveryColourCanBeRead(t *testing.T) {
	backgrounds := map[bool][]string{ // light or not
		true:  {"#ffffff", "#fdf6e3", "#eeeeee"},
		false: {"#000000", "#1e1e1e", "#002b36", "#282a36"},
	}
	for tone, i := range inks {
		for light, bs := range backgrounds {
			name := i.dark
			if light {
				name = i.light
			}
			n, err := strconv.Atoi(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, b := range bs {
				if c := contrast(termenv.ANSI256Color(n), termenv.RGBColor(b)); c < 4.5 {
					t.Errorf("tone %d: colour %s on %s has a contrast of %.1f", tone, name, b, c)
				}
			}
		}
	}
}

// contrast is that of WCAG 2.2.
func contrast(a, b termenv.Color) float64 {
	x, y := luminance(a), luminance(b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

func luminance(c termenv.Color) float64 {
	rgb := termenv.ConvertToRGB(c)
	part := func(v float64) float64 {
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*part(rgb.R) + 0.7152*part(rgb.G) + 0.0722*part(rgb.B)
}
