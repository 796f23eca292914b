//! Typed specs, one module for each group of types.
