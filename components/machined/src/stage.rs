//! What the machine is doing, as its sequences know it.

use std::sync::{Arc, Mutex, PoisonError};

use ichor_controller::Waker;
use ichor_resource::specs::runtime::MachineStage;

/// The stage of this machine. Cloning shares it.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    current: Arc<Mutex<MachineStage>>,
    /// Wakes whoever reports the stage.
    pub(crate) waker: Waker,
}

impl Stage {
    /// A machine that boots.
    pub(crate) fn booting() -> Self {
        Self {
            current: Arc::new(Mutex::new(MachineStage::Booting)),
            waker: Waker::new(),
        }
    }

    /// Enters a stage.
    pub(crate) fn enter(&self, stage: MachineStage) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = stage;
        self.waker.wake();
    }

    pub(crate) fn get(&self) -> MachineStage {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
