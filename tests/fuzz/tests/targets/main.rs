//! Every target, on many inputs.

#[cfg(test)]
mod calls;
