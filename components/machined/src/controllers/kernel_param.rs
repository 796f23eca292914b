//! Sets kernel parameters below `/proc/sys` and `/sys`, and reports what the kernel made of them.
//!
//! Those of the system itself are [`KernelParamDefaultSpec`]s; a [`KernelParamSpec`] of the same id
//! wins. What nobody wants any more gets back the value that it had at first. What the kernel does not
//! have may come with a module, so it is looked for again whenever one was loaded.
//!
//! Invariant: a status never claims a value that the kernel was not seen to hold.

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::specs::runtime::{KernelParamDefaultSpec, KernelParamSpec, KernelParamStatus};
use ichor_resource::{Phase, Resource, Spec};
use tracing::warn;

use crate::sysctl;

/// A parameter could not be set.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParamError {
    #[error("{id:?} names no parameter: it does not begin with proc. or sys., or leaves it")]
    Name { id: String },
    #[error("read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("write {value:?} to {}", path.display())]
    Write {
        path: PathBuf,
        value: String,
        source: io::Error,
    },
}

/// Files of parameters: those of the kernel in production, a map in tests.
pub(crate) trait Params: Send + Sync + 'static {
    /// # Errors
    /// `NotFound` when the kernel has no such parameter.
    fn read(&self, path: &Path) -> io::Result<String>;
    /// # Errors
    /// What the kernel says of the value.
    fn write(&self, path: &Path, value: &str) -> io::Result<()>;
}

/// The running kernel.
pub(crate) struct Files;

impl Params for Files {
    fn read(&self, path: &Path) -> io::Result<String> {
        std::fs::read_to_string(path)
    }

    fn write(&self, path: &Path, value: &str) -> io::Result<()> {
        // Never creates anything: these are not files.
        let mut file = std::fs::OpenOptions::new().write(true).open(path)?;
        io::Write::write_all(&mut file, value.as_bytes())
    }
}

/// Describes the parameters of the system itself.
pub(crate) struct KernelParamDefaultsController;

impl Controller for KernelParamDefaultsController {
    const NAME: &'static str = "runtime.KernelParamDefaultsController";

    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::shared::<KernelParamDefaultSpec>()]
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        for parameter in sysctl::DEFAULTS {
            let spec = KernelParamSpec {
                value: parameter.value.to_owned(),
                ignore_errors: parameter.may_be_absent,
            };
            let id = format!("proc.sys.{}", parameter.name);
            cx.upsert(id, KernelParamDefaultSpec(spec)).await?;
        }
        Ok(())
    }
}

/// Applies all parameters.
pub(crate) struct KernelParamController<P> {
    params: Arc<P>,
    /// Values before the first write of this process.
    originals: HashMap<String, String>,
    applied: HashMap<String, (KernelParamSpec, KernelParamStatus)>,
    /// Woken when the kernel has loaded a module.
    pub(super) waker: Waker,
}

impl<P: Params> KernelParamController<P> {
    pub(crate) fn new(params: P) -> Self {
        Self {
            params: Arc::new(params),
            originals: HashMap::new(),
            applied: HashMap::new(),
            waker: Waker::new(),
        }
    }
}

impl<P: Params> Controller for KernelParamController<P> {
    const NAME: &'static str = "runtime.KernelParamSpecController";

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input::strong::<KernelParamDefaultSpec>(),
            Input::strong::<KernelParamSpec>(),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<KernelParamStatus>()]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.waker.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let defaults = cx.list::<KernelParamDefaultSpec>().await?;
        let specs = cx.list::<KernelParamSpec>().await?;
        let mut wanted = BTreeMap::new();
        for spec in running(&defaults) {
            cx.hold(spec).await?;
            wanted.insert(spec.id(), &spec.value().0);
        }
        for spec in running(&specs) {
            cx.hold(spec).await?;
            wanted.insert(spec.id(), spec.value());
        }
        let failed = self.apply(cx, &wanted).await?;
        let unwanted = |id: &&String| !wanted.contains_key(id.as_str());
        let unwanted: Vec<_> = self.applied.keys().filter(unwanted).cloned().collect();
        for id in unwanted {
            if let Err(error) = self.restore(&id) {
                warn!(%error, id, "a kernel parameter did not get its first value back");
            }
        }
        release(cx, &defaults).await?;
        release(cx, &specs).await?;
        failed.map_or(Ok(()), |error| Err(ReconcileError::other(error)))
    }
}

impl<P: Params> KernelParamController<P> {
    /// Sets what is new or was not there. One that cannot be set does not keep the others; it is returned.
    async fn apply(
        &mut self,
        cx: &Ctx,
        wanted: &BTreeMap<&str, &KernelParamSpec>,
    ) -> Result<Option<ParamError>, ReconcileError> {
        let is_due = |id: &str, spec: &KernelParamSpec| match self.applied.get(id) {
            Some((applied, status)) => applied != spec || status.unsupported,
            None => true,
        };
        let new = wanted.iter().filter(|(id, spec)| is_due(id, spec));
        let new: Vec<_> = new
            .map(|(id, spec)| ((*id).to_owned(), (*spec).clone()))
            .collect();
        let params = Arc::clone(&self.params);
        // Some parameters make the kernel wait for all processors.
        let setting = tokio::task::spawn_blocking(move || {
            let set = |(id, spec): (String, KernelParamSpec)| {
                let result = set(&*params, &id, &spec.value);
                (id, spec, result)
            };
            new.into_iter().map(set).collect::<Vec<_>>()
        });
        let mut failed = None;
        for (id, spec, result) in setting.await.map_err(ReconcileError::other)? {
            match result {
                Ok(status) if status.unsupported => {
                    let is_known = self
                        .applied
                        .get(&id)
                        .is_some_and(|(known, _)| *known == spec);
                    if !is_known && !spec.ignore_errors {
                        warn!(id, "the kernel has no such parameter");
                    }
                    self.applied.insert(id, (spec, status));
                }
                Ok(mut status) => {
                    let first = self.originals.entry(id.clone());
                    status.default = first.or_insert(status.default).clone();
                    self.applied.insert(id, (spec, status));
                }
                Err(error) if spec.ignore_errors => {
                    warn!(%error, "a kernel parameter was not set");
                }
                Err(error) => failed = Some(error),
            }
        }
        for id in wanted.keys() {
            if let Some((_, status)) = self.applied.get(*id) {
                cx.upsert(*id, status.clone()).await?;
            }
        }
        Ok(failed)
    }

    fn restore(&mut self, id: &str) -> Result<(), ParamError> {
        let applied = self.applied.remove(id);
        let supported = applied.is_some_and(|(_, status)| !status.unsupported);
        match (sysctl::path_of_id(id), self.originals.remove(id)) {
            (Some(path), Some(original)) if supported => write(&*self.params, &path, &original),
            _ => Ok(()),
        }
    }
}

/// Writes a value; the status has the value before as its default.
fn set(params: &impl Params, id: &str, value: &str) -> Result<KernelParamStatus, ParamError> {
    let path = sysctl::path_of_id(id).ok_or_else(|| ParamError::Name { id: id.to_owned() })?;
    let Some(default) = read(params, &path)? else {
        return Ok(KernelParamStatus {
            unsupported: true,
            ..KernelParamStatus::default()
        });
    };
    write(params, &path, value)?;
    Ok(KernelParamStatus {
        // What the kernel says, which may differ in form from what was written.
        current: read(params, &path)?.unwrap_or_default(),
        default,
        unsupported: false,
    })
}

/// `None` when the kernel has no such parameter.
fn read(params: &impl Params, path: &Path) -> Result<Option<String>, ParamError> {
    match params.read(path) {
        Ok(text) => Ok(Some(text.trim_end().to_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // Some can only be written.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(Some(String::new())),
        Err(source) => Err(ParamError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

fn write(params: &impl Params, path: &Path, value: &str) -> Result<(), ParamError> {
    let written = params.write(path, value);
    written.map_err(|source| ParamError::Write {
        path: path.to_owned(),
        value: value.to_owned(),
        source,
    })
}

fn running<S: Spec>(specs: &[Resource<S>]) -> impl Iterator<Item = &Resource<S>> {
    specs.iter().filter(|spec| spec.phase() == Phase::Running)
}

async fn release<S: Spec>(cx: &Ctx, specs: &[Resource<S>]) -> Result<(), ReconcileError> {
    for spec in specs
        .iter()
        .filter(|spec| spec.phase() == Phase::TearingDown)
    {
        cx.release(spec).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use ichor_controller::Runtime;
    use ichor_state::{MemoryState, State, StateExt};
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[derive(Clone, Default)]
    struct Map(Arc<Mutex<HashMap<PathBuf, String>>>);

    impl Params for Map {
        fn read(&self, path: &Path) -> io::Result<String> {
            let found = self.0.lock().unwrap().get(path).cloned();
            found.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
        }

        fn write(&self, path: &Path, value: &str) -> io::Result<()> {
            if value == "refused" {
                return Err(io::Error::from(io::ErrorKind::InvalidInput));
            }
            self.0
                .lock()
                .unwrap()
                .insert(path.to_owned(), format!("{value}\n"));
            Ok(())
        }
    }

    fn spec(value: &str) -> KernelParamSpec {
        KernelParamSpec {
            value: value.into(),
            ignore_errors: false,
        }
    }

    async fn status(state: &MemoryState, id: &str) -> Option<KernelParamStatus> {
        let pointer = KernelParamStatus::pointer(id);
        let found = state.find_at::<KernelParamStatus>(&pointer).await.unwrap();
        found.map(|each| each.value().clone())
    }

    #[tokio::test(start_paused = true)]
    async fn a_spec_wins_over_the_default_and_gives_way_again() {
        let (state, map) = (Arc::new(MemoryState::new()), Map::default());
        let path = PathBuf::from("/proc/sys/vm/overcommit_memory");
        map.0.lock().unwrap().insert(path.clone(), "0\n".into());
        let mut runtime = Runtime::new(Arc::clone(&state) as Arc<dyn State>);
        runtime.register(KernelParamDefaultsController).unwrap();
        runtime
            .register(KernelParamController::new(map.clone()))
            .unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(runtime.run(stop.clone()));
        let pause = || tokio::time::sleep(Duration::from_secs(60));
        let value = || map.0.lock().unwrap()[&path].clone();
        let id = "proc.sys.vm.overcommit_memory";
        pause().await;
        assert_eq!(value(), "1\n");
        let expected = KernelParamStatus {
            current: "1".into(),
            default: "0".into(),
            unsupported: false,
        };
        assert_eq!(status(&state, id).await, Some(expected));
        assert!(
            status(&state, "proc.sys.kernel.panic")
                .await
                .unwrap()
                .unsupported
        );

        state
            .upsert(Resource::new(id, spec("2")), "test")
            .await
            .unwrap();
        pause().await;
        assert_eq!(value(), "2\n");
        assert_eq!(status(&state, id).await.unwrap().default, "0");

        let pointer = KernelParamSpec::pointer(id);
        assert!(
            !state.teardown(&pointer, "test").await.unwrap(),
            "it is held"
        );
        pause().await;
        assert_eq!(value(), "1\n");
        state.destroy(&pointer, "test").await.unwrap();
        stop.cancel();
        task.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn what_comes_with_a_module_is_set_when_the_module_comes() {
        let (state, map) = (Arc::new(MemoryState::new()), Map::default());
        let mut runtime = Runtime::new(Arc::clone(&state) as Arc<dyn State>);
        let controller = KernelParamController::new(map.clone());
        let module_came = controller.waker.clone();
        runtime.register(KernelParamDefaultsController).unwrap();
        runtime.register(controller).unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(runtime.run(stop.clone()));
        let pause = || tokio::time::sleep(Duration::from_secs(60));
        let id = "proc.sys.net.bridge.bridge-nf-call-iptables";
        pause().await;
        assert!(status(&state, id).await.unwrap().unsupported);
        let path = PathBuf::from("/proc/sys/net/bridge/bridge-nf-call-iptables");
        map.0.lock().unwrap().insert(path.clone(), "0\n".into());
        module_came.wake();
        pause().await;
        assert_eq!(map.0.lock().unwrap()[&path], "1\n");
        let expected = KernelParamStatus {
            current: "1".into(),
            default: "0".into(),
            unsupported: false,
        };
        assert_eq!(status(&state, id).await, Some(expected));
        stop.cancel();
        task.await.unwrap();
    }

    #[test]
    fn a_value_that_the_kernel_refuses_is_an_error_that_names_it() {
        let map = Map::default();
        let path = PathBuf::from("/proc/sys/kernel/panic");
        map.0.lock().unwrap().insert(path, "0\n".into());
        let error = set(&map, "proc.sys.kernel.panic", "refused").unwrap_err();
        let text = error.to_string();
        assert!(text.contains("refused") && text.contains("/proc/sys/kernel/panic"));
        for id in ["kernel.panic", "proc.sys./../x", "proc.sys.a.//", ""] {
            let error = set(&map, id, "1").unwrap_err();
            assert!(matches!(error, ParamError::Name { .. }), "{id}");
        }
    }
}
