//! Sequences: what the machine does to come up and to go down.
//!
//! Phases run in order, the tasks of one phase at the same time. The first task that fails ends
//! its sequence, after the other tasks of its phase have ended.

use std::fmt;

use futures_util::future::{BoxFuture, join_all};

/// Why a task failed, for people: what failed, on what, and why.
pub(crate) type TaskError = Box<dyn std::error::Error + Send + Sync>;

/// One step.
pub(crate) struct Task {
    name: &'static str,
    work: BoxFuture<'static, Result<(), TaskError>>,
}

impl Task {
    pub(crate) fn new(
        name: &'static str,
        work: impl Future<Output = Result<(), TaskError>> + Send + 'static,
    ) -> Self {
        Self {
            name,
            work: Box::pin(work),
        }
    }
}

/// Tasks that run at the same time.
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) tasks: Vec<Task>,
}

/// Phases that run one after the other.
pub(crate) struct Sequence {
    pub(crate) name: &'static str,
    pub(crate) phases: Vec<Phase>,
}

/// What begins or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Sequence(&'static str),
    /// Name, number from 1, how many there are.
    Phase(&'static str, usize, usize),
    Task(&'static str),
}

/// Learns of each beginning and end.
pub(crate) trait Observer: Sync {
    fn started(&self, step: Step);
    /// `error` is the text of what went wrong.
    fn stopped(&self, step: Step, error: Option<&str>);
}

/// A sequence ended early.
#[derive(Debug, thiserror::Error)]
#[error("sequence {sequence}, phase {phase}, task {task} failed")]
pub(crate) struct SequenceError {
    pub(crate) sequence: &'static str,
    pub(crate) phase: &'static str,
    pub(crate) task: &'static str,
    pub(crate) source: TaskError,
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("name", &self.name).finish()
    }
}

/// Runs a sequence to its end.
///
/// # Errors
/// The first task of a phase that failed; later phases are not begun.
pub(crate) async fn run(sequence: Sequence, observer: &impl Observer) -> Result<(), SequenceError> {
    let step = Step::Sequence(sequence.name);
    observer.started(step);
    let total = sequence.phases.len();
    for (index, phase) in sequence.phases.into_iter().enumerate() {
        let step_of_phase = Step::Phase(phase.name, index + 1, total);
        observer.started(step_of_phase);
        let failed = run_phase(phase.tasks, observer).await;
        let Some((task, source)) = failed else {
            observer.stopped(step_of_phase, None);
            continue;
        };
        let error = SequenceError {
            sequence: sequence.name,
            phase: phase.name,
            task,
            source,
        };
        let text = format!("{error}: {}", error.source);
        observer.stopped(step_of_phase, Some(&text));
        observer.stopped(step, Some(&text));
        return Err(error);
    }
    observer.stopped(step, None);
    Ok(())
}

async fn run_phase(
    tasks: Vec<Task>,
    observer: &impl Observer,
) -> Option<(&'static str, TaskError)> {
    let runs = tasks.into_iter().map(|task| async move {
        let step = Step::Task(task.name);
        observer.started(step);
        let result = task.work.await;
        let text = result.as_ref().err().map(ToString::to_string);
        observer.stopped(step, text.as_deref());
        result.err().map(|error| (task.name, error))
    });
    join_all(runs).await.into_iter().flatten().next()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    #[derive(Default)]
    struct Journal(Mutex<Vec<String>>);

    impl Observer for Journal {
        fn started(&self, step: Step) {
            self.0.lock().unwrap().push(format!("+{step:?}"));
        }
        fn stopped(&self, step: Step, error: Option<&str>) {
            let mark = if error.is_some() { "!" } else { "-" };
            self.0.lock().unwrap().push(format!("{mark}{step:?}"));
        }
    }

    fn sequence(outcomes: [Result<(), TaskError>; 2]) -> Sequence {
        let phases = outcomes
            .into_iter()
            .zip(["first", "second"])
            .map(|(outcome, name)| Phase {
                name,
                tasks: vec![Task::new(name, async move { outcome })],
            })
            .collect();
        Sequence {
            name: "initialize",
            phases,
        }
    }

    #[tokio::test]
    async fn runs_phases_in_order_and_reports_each_step() {
        let journal = Journal::default();
        run(sequence([Ok(()), Ok(())]), &journal).await.unwrap();
        let journal = journal.0.into_inner().unwrap();
        assert_eq!(journal.first().unwrap(), "+Sequence(\"initialize\")");
        assert_eq!(journal.last().unwrap(), "-Sequence(\"initialize\")");
        assert_eq!(journal.len(), 10);
    }

    #[tokio::test]
    async fn a_failed_task_ends_the_sequence_before_the_next_phase() {
        let journal = Journal::default();
        let error = run(sequence([Err("no disk".into()), Ok(())]), &journal)
            .await
            .unwrap_err();
        assert_eq!((error.phase, error.task), ("first", "first"));
        let journal = journal.0.into_inner().unwrap();
        assert!(!journal.iter().any(|line| line.contains("second")));
        assert_eq!(journal.last().unwrap(), "!Sequence(\"initialize\")");
    }
}
