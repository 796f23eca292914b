//! Puts the wanted files of `/etc` in place.
//!
//! Invariant: a status never names a version whose content readers do not see.
//!
//! A file that nobody wants any more keeps its last content until the next boot: something reads it,
//! and no content is a worse answer than an old one.

use std::collections::HashMap;
use std::sync::Arc;

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError};
use ichor_resource::specs::files::{EtcFileSpec, EtcFileStatus};
use ichor_resource::{Phase, Version};

use crate::etc::EtcError;

/// Puts content in place: [`crate::etc::Etc`] in production, a list of calls in tests.
pub(crate) trait EtcFiles: Send + Sync + 'static {
    fn apply(&self, name: &str, contents: &[u8], mode: u32) -> Result<(), EtcError>;
}

impl EtcFiles for crate::etc::Etc {
    fn apply(&self, name: &str, contents: &[u8], mode: u32) -> Result<(), EtcError> {
        crate::etc::Etc::apply(self, name, contents, mode)
    }
}

#[derive(Debug)]
pub(crate) struct EtcFileController<F> {
    files: Arc<F>,
    /// What this process has put in place; a restart writes everything once more.
    applied: HashMap<String, Version>,
}

impl<F: EtcFiles> EtcFileController<F> {
    pub(crate) fn new(files: F) -> Self {
        Self {
            files: Arc::new(files),
            applied: HashMap::new(),
        }
    }
}

impl<F: EtcFiles> Controller for EtcFileController<F> {
    const NAME: &'static str = "files.EtcFileController";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<EtcFileSpec>()]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<EtcFileStatus>()]
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        for spec in cx.list::<EtcFileSpec>().await? {
            if spec.phase() == Phase::TearingDown {
                continue;
            }
            let version = spec.metadata.version;
            if self.applied.get(spec.id()) != Some(&version) {
                self.files
                    .apply(spec.id(), spec.value().contents.as_ref(), spec.value().mode)
                    .map_err(ReconcileError::other)?;
                self.applied.insert(spec.id().to_owned(), version);
            }
            let status = EtcFileStatus {
                spec_version: version.to_string(),
            };
            cx.upsert(spec.id(), status).await?;
        }
        Ok(())
    }
}
