//! What holds for all values: the pure rules of the contract, on random input.

mod freshness;
mod headers;
mod keys;
mod normaliser;
mod paths;
mod policies;
mod purges;
mod replicas;
mod seeds;
mod spelling;
mod stamps;
