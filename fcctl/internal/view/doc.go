// Package view turns values into text: tables, plans, deliveries. It decides
// nothing and asks nobody, so every face of fcctl has a golden file.
package view
