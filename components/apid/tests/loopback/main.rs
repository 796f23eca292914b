//! apid between clients on the loopback interface and a component that does what a test tells it to.

#[cfg(test)]
mod calls;
#[cfg(test)]
mod component;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod node;
