//! What a controller reads and writes.

use std::borrow::Cow;

use ichor_resource::{Kind, Spec};

/// How a controller and a resource type belong together, as the dependency graph shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EdgeKind {
    /// Read; may be held with a finalizer.
    InputStrong,
    /// Read.
    InputWeak,
    /// Read; wakes only when a resource is torn down and nobody uses it any more.
    InputDestroyReady,
    /// Written by this controller only.
    OutputExclusive,
    /// Written by several controllers, each its own resources.
    OutputShared,
}

/// One line of the dependency graph.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edge {
    /// Name of the controller.
    pub controller: &'static str,
    /// Direction and strength.
    pub kind: EdgeKind,
    /// Namespace and type.
    pub resource: Kind,
    /// The only id that matters, if there is one.
    pub id: Option<String>,
}

/// What a controller reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    pub(crate) edge: EdgeKind,
    pub(crate) kind: Kind,
    pub(crate) id: Option<String>,
}

impl Input {
    /// Every change wakes; resources may be held with [`crate::Ctx::hold`].
    pub fn strong<S: Spec>() -> Self {
        Self::new::<S>(EdgeKind::InputStrong)
    }

    /// Every change wakes; resources may disappear at any time.
    pub fn weak<S: Spec>() -> Self {
        Self::new::<S>(EdgeKind::InputWeak)
    }

    /// Wakes when a resource is being torn down and has no finalizers.
    pub fn destroy_ready<S: Spec>() -> Self {
        Self::new::<S>(EdgeKind::InputDestroyReady)
    }

    /// The same in another namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: &'static str) -> Self {
        self.kind.namespace = Cow::Borrowed(namespace);
        self
    }

    /// The same for one resource only.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    fn new<S: Spec>(edge: EdgeKind) -> Self {
        Self {
            edge,
            kind: S::kind(),
            id: None,
        }
    }
}

/// What a controller writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub(crate) edge: EdgeKind,
    pub(crate) kind: Kind,
    pub(crate) cleaned: bool,
}

impl Output {
    /// Written by this controller only: a second one that declares the same kind is refused.
    pub fn exclusive<S: Spec>() -> Self {
        Self::new::<S>(EdgeKind::OutputExclusive)
    }

    /// Written by several controllers; each may change its own resources only.
    pub fn shared<S: Spec>() -> Self {
        Self::new::<S>(EdgeKind::OutputShared)
    }

    /// The same in another namespace.
    #[must_use]
    pub fn namespace(mut self, namespace: &'static str) -> Self {
        self.kind.namespace = Cow::Borrowed(namespace);
        self
    }

    /// Resources stay until the controller removes them, also when a pass does not write them.
    #[must_use]
    pub fn kept(mut self) -> Self {
        self.cleaned = false;
        self
    }

    fn new<S: Spec>(edge: EdgeKind) -> Self {
        Self {
            edge,
            kind: S::kind(),
            cleaned: true,
        }
    }
}
