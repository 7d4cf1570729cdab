package main

// freeDisk is not told.
func freeDisk(string) int64 { return 0 }
