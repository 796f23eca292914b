//! Sets the kernel's host name to what is wanted, and reports it.
//!
//! Invariant: a status never claims a name that the kernel does not hold.

use std::io;

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError};
use ichor_resource::Phase;
use ichor_resource::specs::network::{HostnameSpec, HostnameStatus};

/// sethostname(2) in production, a list of calls in tests.
pub(crate) trait UtsName: Send + Sync + 'static {
    fn set(&self, name: &str) -> io::Result<()>;
}

/// The running kernel.
pub(crate) struct Kernel;

impl UtsName for Kernel {
    fn set(&self, name: &str) -> io::Result<()> {
        Ok(rustix::system::sethostname(name.as_bytes())?)
    }
}

pub(crate) struct HostnameController<U> {
    uts: U,
}

impl<U: UtsName> HostnameController<U> {
    pub(crate) fn new(uts: U) -> Self {
        Self { uts }
    }
}

impl<U: UtsName> Controller for HostnameController<U> {
    const NAME: &'static str = "network.HostnameSpecController";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<HostnameSpec>()]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<HostnameStatus>()]
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        for spec in cx.list::<HostnameSpec>().await? {
            if spec.phase() == Phase::TearingDown {
                continue;
            }
            let wanted = spec.value();
            self.uts
                .set(&wanted.hostname)
                .map_err(ReconcileError::other)?;
            let status = HostnameStatus {
                hostname: wanted.hostname.clone(),
                domainname: wanted.domainname.clone(),
            };
            cx.upsert(spec.id(), status).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use ichor_controller::Runtime;
    use ichor_resource::{Metadata, Pointer, Resource, Spec};
    use ichor_state::{MemoryState, State, StateExt};
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[derive(Clone, Default)]
    struct Calls(Arc<Mutex<Vec<String>>>);

    impl UtsName for Calls {
        fn set(&self, name: &str) -> io::Result<()> {
            self.0.lock().unwrap().push(name.to_owned());
            Ok(())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_kernel_gets_the_name_before_the_status_does() {
        let state = Arc::new(MemoryState::new());
        let calls = Calls::default();
        let mut runtime = Runtime::new(Arc::clone(&state) as Arc<dyn State>);
        runtime
            .register(HostnameController::new(calls.clone()))
            .unwrap();
        let stop = CancellationToken::new();
        let running = tokio::spawn(runtime.run(stop.clone()));
        let spec = HostnameSpec {
            hostname: "bronze".into(),
            ..HostnameSpec::default()
        };
        state
            .upsert(Resource::new("hostname", spec), "test")
            .await
            .unwrap();
        let pointer: Pointer = Metadata::new(HostnameStatus::kind(), "hostname").pointer();
        let found = async {
            loop {
                if let Some(status) = state.find_at::<HostnameStatus>(&pointer).await.unwrap() {
                    return status;
                }
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        assert_eq!(found.await.value().hostname, "bronze");
        assert_eq!(*calls.0.lock().unwrap(), ["bronze"]);
        stop.cancel();
        running.await.unwrap();
    }
}
