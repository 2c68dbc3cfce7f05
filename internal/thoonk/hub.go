package thoonk

import "time"

// HubSubscription is what a subscriber of the hub asked for and has confirmed: to be sent the changes of a topic.
type HubSubscription struct {
	ID        string   // of the pair of topic and callback
	Topic     string   // the address, as the subscriber spells it
	Feed      FeedName // whose changes are sent; empty where there is a Match
	Match     Pattern  // of a topic of several feeds
	Format    string   // what the changes are written in; the hub's own words
	Callback  string
	Secret    string // signs deliveries; empty: they are not signed
	Algorithm string // of the signature
	Principal string // who alone may renew, change or end it
	Holder    []byte // what the hub needs to know the principal's rights again
	Token     string // hub.verify_token, of PubSubHubbub 0.3
	Legacy    bool   // the subscriber speaks PubSubHubbub 0.3, and is asked to refresh before the end
	Created   time.Time
	Expires   time.Time
}

// HubState is how far a subscription is.
type HubState struct {
	Generation uint64   // counts interventions: a delivery that began before one does not write over it
	Cursor     Revision // of the last change delivered: in the feed, or in the log if there is a Match
	Paused     bool
	Stalled    bool   // retries are used up; a new change is tried, seldom
	Failures   int    // attempts in a row that failed
	Audience   int    // how many readers the subscriber says it stands for; 0: it does not say
	Delivered  uint64 // attempts that succeeded
	Attempted  time.Time
	Succeeded  time.Time
	Status     int    // of the last attempt; 0: there was no answer
	Error      string // of the last attempt; empty: it succeeded
}

// HubDelivery is a subscription that is due, taken by one worker.
type HubDelivery struct {
	Subscription HubSubscription
	State        HubState
	Taken        time.Time // when, by this process's clock: not after it was
}

// HubVerdict says what becomes of a subscription that a worker has taken.
type HubVerdict string

// The verdicts.
const (
	HubHold  HubVerdict = "hold"  // the worker goes on with it
	HubIdle  HubVerdict = "idle"  // there is nothing more to deliver now
	HubAgain HubVerdict = "again" // there is more to deliver
	HubLater HubVerdict = "later" // not before At
)

// HubOutcome is what a worker reports of a subscription that it has taken.
type HubOutcome struct {
	ID      string
	State   HubState
	Verdict HubVerdict
	At      time.Time
}

// HubMode is what a hub asks a callback to confirm, or tells it.
type HubMode string

// The modes.
const (
	HubSubscribe   HubMode = "subscribe"
	HubUnsubscribe HubMode = "unsubscribe"
	HubDenied      HubMode = "denied"
)

// HubIntent is a request that the callback has still to confirm, or a denial that it has still to hear.
type HubIntent struct {
	ID           string // of the topic, the callback and the principal: a later request takes an earlier one's place
	Nonce        string // of this request
	Mode         HubMode
	Reason       string // of a denial
	Lease        time.Duration
	Tries        int // that failed
	Subscription HubSubscription
}

// HubAttempt is a delivery that was tried, for the log of a subscription.
type HubAttempt struct {
	At       time.Time
	Delivery string // its id
	Status   int    // 0: there was no answer
	Error    string // empty: it succeeded
	Took     time.Duration
}

// HubQuery asks for a page of subscriptions, those that end first at the front.
type HubQuery struct {
	After string // HubPage.Next of the page before
	Limit int
	Keep  func(HubSubscription, HubState) bool
}

// HubPage is a page of subscriptions.
type HubPage struct {
	Subscriptions []HubDelivery
	Next          string // empty: that was the last page
}

// HubIntervention is what a person does to a subscription.
type HubIntervention string

// The interventions.
const (
	HubPause     HubIntervention = "pause"
	HubResume    HubIntervention = "resume"
	HubRedeliver HubIntervention = "redeliver" // try at once, with all retries anew
	HubReplay    HubIntervention = "replay"    // begin again after a revision
)

// HubStats count what the hub has to do.
type HubStats struct {
	Subscriptions int64
	Due           int64 // subscriptions with something to deliver now
	Later         int64 // subscriptions that wait for a retry
	Taken         int64 // by workers
	Intents       int64 // requests that wait for their callback
	Lapsing       int64 // subscriptions that end within a day
	Oldest        time.Duration
}

// HubWants says how much of each sort of work a worker of the hub can take.
type HubWants struct{ Due, Later, Intents, Origins int }

// HubWork is what a worker has taken.
type HubWork struct {
	Due     []HubDelivery // with something to deliver
	Later   []HubDelivery // to be tried again
	Intents []HubIntent
	Origins []HubOrigin
	// Next is how long it is until more is due; negative: nothing is known to be.
	Next time.Duration
}

// HubOrigin is a topic that is hosted elsewhere and has to be fetched.
type HubOrigin struct {
	Topic  string // its address
	Record string // what was kept of it when it was fetched last
}
