package main

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// usage is what a process has used so far.
type usage struct {
	cpu time.Duration // user and system
	rss int64         // bytes resident
}

// clockTick is the unit of /proc/PID/stat: USER_HZ, 100 on every Linux that Go runs on.
const clockTick = 10 * time.Millisecond

// usageOf adds up what the processes use.
func usageOf(pids []int) (sum usage, err error) {
	for _, pid := range pids {
		one, err := processUsage(pid)
		if err != nil {
			return usage{}, err
		}
		sum.cpu += one.cpu
		sum.rss += one.rss
	}
	return sum, nil
}

// processUsage reads /proc.
func processUsage(pid int) (usage, error) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return usage{}, fmt.Errorf("read the server's usage: %w", err)
	}
	// The second field is the command in parentheses and may hold spaces.
	_, rest, _ := strings.Cut(string(stat), ") ")
	f := strings.Fields(rest)
	if len(f) < 22 {
		return usage{}, fmt.Errorf("read the server's usage: /proc/%d/stat has %d fields", pid, len(f))
	}
	var nums [3]int64
	for i, at := range []int{11, 12, 21} { // utime, stime, rss: fields 14, 15, 24 of proc(5)
		if nums[i], err = strconv.ParseInt(f[at], 10, 64); err != nil {
			return usage{}, fmt.Errorf("read the server's usage: %w", err)
		}
	}
	return usage{cpu: time.Duration(nums[0]+nums[1]) * clockTick, rss: nums[2] * int64(os.Getpagesize())}, nil
}
