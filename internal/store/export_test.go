package store

// RestoreLost is restoreLost, for tests.
var RestoreLost = (*Store).restoreLost
