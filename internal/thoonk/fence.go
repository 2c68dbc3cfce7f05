package thoonk

// Fence proves that its holder has a lease: a script that is given it does nothing if another has the lease by now.
type Fence struct {
	Lease string // its name
	Token string // of this hold, and of no other
}
