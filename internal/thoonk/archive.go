package thoonk

import "time"

// ArchiveQuery asks for a page of a feed's history as an archive: a stretch of it, and a page of that stretch. All bounds
// leave out the change that they name, which has to be in the history.
type ArchiveQuery struct {
	Feed FeedName

	AfterID, BeforeID Revision  // the stretch begins after this one, and ends before that one; zero: not bounded so
	Start, End        time.Time // the stretch is of the changes from then to then; zero: not bounded so

	After, Before Revision // the page begins after this one, or ends before that one; zero: not said
	Skip          int      // changes of the stretch left out before the page, where neither is given
	Backward      bool     // the page is the last of what is left, not the first
	Limit         int      // 0: only Count is wanted
}

// ArchivePage is a page of an archive, the oldest change first.
type ArchivePage struct {
	Changes []Event
	First   int  // place of the first of Changes in the stretch, from 0
	Count   int  // changes in the stretch
	Last    bool // nothing of the stretch is beyond the page, in the direction in which it was read
}

// ArchiveEnds are the oldest and the newest change of a feed's history, zero if it has none.
type ArchiveEnds struct{ Oldest, Newest Revision }
