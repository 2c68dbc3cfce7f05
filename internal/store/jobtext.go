package store

import (
	"strconv"
	"strings"
	"time"

	"github.com/thoonkd/thoonkd/internal/thoonk"
)

// Records and runs are texts with line breaks between their fields. What a caller wrote may have such too.
var (
	escaper   = strings.NewReplacer("%", "%25", "\n", "%0A", "\x00", "%00")
	unescaper = strings.NewReplacer("%25", "%", "%0A", "\n", "%00", "\x00")
)

func escape(s string) string {
	if !strings.ContainsAny(s, "%\n\x00") {
		return s
	}
	return escaper.Replace(s)
}

func unescape(s string) string {
	if !strings.Contains(s, "%") {
		return s
	}
	return unescaper.Replace(s)
}

// parseRecord reads what parse in lua/joblib.lua reads.
func parseRecord(text string) map[byte]string {
	fields := make(map[byte]string)
	for line := range strings.SplitSeq(text, "\n") {
		if line != "" {
			fields[line[0]] = unescape(line[1:])
		}
	}
	return fields
}

// noteRecord takes what a record says of a job.
func noteRecord(j *thoonk.Job, text string) {
	if strings.HasPrefix(text, "o") && !strings.Contains(text, "\n") { // as most do
		j.Submitter = unescape(text[1:])
		return
	}
	r := parseRecord(text)
	j.Submitter, j.Unique, j.Group, j.Error = r['o'], r['u'], r['g'], r['e']
	j.MaxAttempts, _ = strconv.Atoi(r['m'])
	j.Hold = thoonk.HoldReason(r['h'])
	_, j.High = r['p']
	_, j.CancelRequested = r['c']
	if progress, ok := r['r']; ok {
		j.Progress = []byte(progress)
	}
	for id := range strings.SplitSeq(r['d'], "\t") {
		if id != "" {
			j.After = append(j.After, thoonk.JobID(id))
		}
	}
	if n, err := strconv.Atoi(r['n']); err == nil && j.State == thoonk.JobStalled {
		j.Attempt = n
	}
	if n, err := strconv.Atoi(r['a']); err == nil && j.State == thoonk.JobHeld {
		j.Attempt = n + 1
	}
	if s, ok := r['s']; ok && j.Submitted.IsZero() {
		j.Submitted = scoreTime(s)
	}
}

// noteOutcome takes what is kept of a job that is over: state, end, token, attempt, flag, submitter, worker and result.
func noteOutcome(j *thoonk.Job, text string) {
	f := strings.SplitN(text, "\n", 8)
	if len(f) < 8 {
		return
	}
	j.State = thoonk.JobState(f[0])
	j.Ended = micros(f[1])
	j.Attempt, _ = strconv.Atoi(f[3])
	j.Submitter, j.Worker = unescape(f[5]), unescape(f[6])
	switch f[4] {
	case "+":
		j.Result = []byte(f[7])
	case "?":
		j.Unknown = true
	}
}

// milliTime reads a time in milliseconds.
func milliTime(s string) time.Time {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n <= 0 {
		return time.Time{}
	}
	return time.UnixMilli(n).UTC()
}

// millisArg is a duration in whole milliseconds, rounded up, or "" for zero.
func millisArg(d time.Duration) string {
	if d <= 0 {
		return ""
	}
	return strconv.FormatInt(int64((d+time.Millisecond-1)/time.Millisecond), 10)
}

// cut shortens a text to at most n bytes, at a character's border.
func cut(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
