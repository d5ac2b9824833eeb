//! What holds for all values: the contract's pure rules on random input.

mod freshness;
mod headers;
mod keys;
mod normaliser;
mod paths;
mod policies;
mod purges;
mod seeds;
mod spelling;
mod stamps;
