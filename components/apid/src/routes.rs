//! Which component serves a method.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::backend::Backend;

/// Who serves what has no row in [`ROUTES`].
const DEFAULT: &str = "machined";

/// Services of other components, as prefixes of a method's path. Sorted.
const ROUTES: &[(&str, &str)] = &[("/storage.StorageService/", "storaged")];

/// The components that serve on this node.
#[derive(Debug)]
pub(crate) struct Routes {
    backends: BTreeMap<String, Backend>,
}

impl Routes {
    /// Takes names and sockets of components.
    pub(crate) fn new(services: Vec<(String, PathBuf)>) -> Self {
        let backends = services.into_iter().map(|(name, path)| {
            let backend = Backend::new(name.clone(), path);
            (name, backend)
        });
        Self {
            backends: backends.collect(),
        }
    }

    /// Where a call goes, by the path of its method.
    ///
    /// # Errors
    /// The name of the component, when this node does not have it.
    pub(crate) fn find(&self, path: &str) -> Result<&Backend, &'static str> {
        let component = component(path);
        self.backends.get(component).ok_or(component)
    }
}

pub(crate) fn component(path: &str) -> &'static str {
    let found = ROUTES.iter().find(|(service, _)| path.starts_with(service));
    found.map_or(DEFAULT, |(_, component)| component)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_method_goes_to_the_component_of_its_service() {
        assert!(ROUTES.is_sorted());
        assert_eq!(component("/storage.StorageService/Disks"), "storaged");
        assert_eq!(component("/machine.StorageService/Statfs"), "machined");
        assert_eq!(component("/storage.StorageServiceX/Disks"), "machined");
        assert_eq!(component(""), "machined");
    }

    #[test]
    fn a_component_that_the_node_does_not_have_is_named() {
        let machine = PathBuf::from("/machine.sock");
        let routes = Routes::new(vec![("machined".into(), machine)]);
        assert!(routes.find("/machine.MachineService/Version").is_ok());
        let missing = routes.find("/storage.StorageService/Disks");
        assert_eq!(missing.unwrap_err(), "storaged");
    }
}
