//! A node as a container. Needs root, and the images of `./x image`; see [`node::given`].

#[cfg(test)]
mod image;
#[cfg(test)]
mod life;
#[cfg(test)]
mod node;
