//! The table of methods against the contract.

#[cfg(test)]
mod table;
