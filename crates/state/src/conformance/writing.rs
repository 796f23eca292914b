//! Reads and writes.

use std::sync::Arc;

use ichor_resource::specs::runtime::Environment;
use ichor_resource::{Phase, Version};

use super::{Outcome, Stage, ensure};
use crate::{LabelOp, LabelQuery, LabelTerm, Query, StateError, StateExt};

pub(super) async fn create_get_and_list(stage: &Stage) -> Outcome {
    let missing = stage.state.get(&stage.at("a")).await;
    ensure!(
        missing == Err(StateError::NotFound(stage.at("a"))),
        "{missing:?}"
    );
    let none = stage.state.list(&stage.kind(), &Query::default()).await?;
    ensure!(none.is_empty(), "{none:?}");
    for id in ["b", "a", "B", "ä"] {
        let created = stage.create(id).await?;
        let metadata = &created.metadata;
        ensure!(
            metadata.version == Version::new(1),
            "version {}",
            metadata.version
        );
        ensure!(metadata.owner == "owner", "owner {}", metadata.owner);
        ensure!(
            metadata.phase == Phase::Running,
            "phase {:?}",
            metadata.phase
        );
        ensure!(
            metadata.created == metadata.updated,
            "times differ: {metadata:?}"
        );
        let found = stage.state.get(&stage.at(id)).await?;
        ensure!(found == created, "{found:?} is not {created:?}");
        let typed = stage.state.find_at::<Environment>(&stage.at(id)).await?;
        let variables = typed.map(|typed| typed.into_value().variables);
        ensure!(variables == Some(vec!["first".into()]), "{variables:?}");
    }
    let again = stage.create("a").await;
    ensure!(
        again == Err(StateError::AlreadyExists(stage.at("a"))),
        "{again:?}"
    );
    let all = stage.state.list(&stage.kind(), &Query::default()).await?;
    let ids: Vec<&str> = all.iter().map(|each| each.metadata.id.as_str()).collect();
    ensure!(ids == ["B", "a", "b", "ä"], "{ids:?}");
    let mut no_spec = stage.resource("c", "x");
    no_spec.spec = None;
    let refused = stage.state.create(no_spec, "owner").await;
    ensure!(
        matches!(refused, Err(StateError::Invalid(_))),
        "{refused:?}"
    );
    Ok(())
}

pub(super) async fn update_checks_version_owner_and_phase(stage: &Stage) -> Outcome {
    let pointer = stage.at("a");
    let early = stage
        .state
        .update(stage.resource("a", "x"), "owner", None)
        .await;
    ensure!(
        early == Err(StateError::NotFound(pointer.clone())),
        "{early:?}"
    );
    let first = stage.create("a").await?;
    let second = stage.update(&first, "second").await?;
    ensure!(second.metadata.version == Version::new(2), "{second:?}");
    ensure!(
        second.metadata.created == first.metadata.created,
        "{second:?}"
    );
    ensure!(
        second.metadata.updated >= second.metadata.created,
        "{second:?}"
    );
    let late = stage.update(&first, "late").await;
    let conflict = StateError::VersionConflict {
        pointer: pointer.clone(),
        stored: Version::new(2),
        given: Version::new(1),
    };
    ensure!(late == Err(conflict), "{late:?}");
    let other = stage.state.update(second.clone(), "other", None).await;
    let conflict = StateError::OwnerConflict {
        pointer: pointer.clone(),
        owner: "owner".into(),
        given: "other".into(),
    };
    ensure!(other == Err(conflict), "{other:?}");
    let tearing = Some(Phase::TearingDown);
    let phase = stage.state.update(second.clone(), "owner", tearing).await;
    let conflict = |phase| StateError::PhaseConflict {
        pointer: pointer.clone(),
        phase,
    };
    ensure!(phase == Err(conflict(Phase::Running)), "{phase:?}");
    stage.state.teardown(&pointer, "owner").await?;
    let torn = stage.state.get(&pointer).await?;
    let mut back = torn.clone();
    Arc::make_mut(&mut back.metadata).phase = Phase::Running;
    let back = stage.state.update(back, "owner", None).await;
    ensure!(back == Err(conflict(Phase::TearingDown)), "{back:?}");
    let running = stage
        .state
        .update(torn.clone(), "owner", Some(Phase::Running))
        .await;
    ensure!(running == Err(conflict(Phase::TearingDown)), "{running:?}");
    let any = stage.state.update(torn, "owner", None).await?;
    ensure!(any.metadata.phase == Phase::TearingDown, "{any:?}");
    Ok(())
}

pub(super) async fn teardown_and_destroy(stage: &Stage) -> Outcome {
    let pointer = stage.at("a");
    let missing = Err(StateError::NotFound(pointer.clone()));
    ensure!(
        stage.state.destroy(&pointer, "").await == missing,
        "destroyed nothing"
    );
    let none = stage.state.teardown(&pointer, "").await;
    ensure!(
        none == Err(StateError::NotFound(pointer.clone())),
        "{none:?}"
    );
    stage.create("a").await?;
    stage.state.add_finalizer(&pointer, "user").await?;
    stage.state.add_finalizer(&pointer, "user").await?;
    let conflict = StateError::OwnerConflict {
        pointer: pointer.clone(),
        owner: "owner".into(),
        given: "other".into(),
    };
    let torn = stage.state.teardown(&pointer, "other").await;
    ensure!(torn == Err(conflict.clone()), "{torn:?}");
    let gone = stage.state.destroy(&pointer, "other").await;
    ensure!(gone == Err(conflict), "{gone:?}");
    for _ in 0..2 {
        let ready = stage.state.teardown(&pointer, "owner").await?;
        ensure!(!ready, "ready with a finalizer");
    }
    let torn = stage.state.get(&pointer).await?;
    ensure!(torn.metadata.version == Version::new(3), "{torn:?}");
    let pending = stage.state.destroy(&pointer, "owner").await;
    let expected = StateError::PendingFinalizers {
        pointer: pointer.clone(),
        finalizers: vec!["user".into()],
    };
    ensure!(pending == Err(expected), "{pending:?}");
    stage.state.remove_finalizer(&pointer, "user").await?;
    let ready = stage.state.teardown(&pointer, "owner").await?;
    ensure!(ready, "not ready without finalizers");
    stage.state.destroy(&pointer, "owner").await?;
    let found = stage.state.get(&pointer).await;
    ensure!(found == Err(StateError::NotFound(pointer)), "{found:?}");
    let fresh = stage.create("a").await?;
    ensure!(fresh.metadata.version == Version::new(1), "{fresh:?}");
    Ok(())
}

pub(super) async fn a_resource_made_anew_is_another(stage: &Stage) -> Outcome {
    let earlier = stage.create("a").await?;
    stage.state.destroy(&stage.at("a"), "owner").await?;
    let anew = stage
        .state
        .create(stage.resource("a", "anew"), "owner")
        .await?;
    ensure!(
        anew.metadata.version == earlier.metadata.version,
        "{anew:?}"
    );
    let late = stage.update(&earlier, "late").await;
    let conflict = StateError::VersionConflict {
        pointer: stage.at("a"),
        stored: Version::new(1),
        given: Version::new(1),
    };
    ensure!(late == Err(conflict), "{late:?}");
    let stored = stage.state.get(&stage.at("a")).await?;
    ensure!(stored == anew, "{stored:?}");
    // A version alone is enough for a writer that has read nothing.
    let mut unread = stage.resource("a", "unread");
    Arc::make_mut(&mut unread.metadata).version = Version::new(1);
    stage.state.update(unread, "owner", None).await?;
    Ok(())
}

pub(super) async fn queries_select(stage: &Stage) -> Outcome {
    for (id, label) in [("one", Some("1")), ("two", Some("2")), ("ten", None)] {
        let mut resource = stage.resource(id, "x");
        if let Some(label) = label {
            let labels = &mut Arc::make_mut(&mut resource.metadata).labels;
            labels.insert("number".into(), label.into());
        }
        stage.state.create(resource, "").await?;
    }
    let term = |op, value: &str, invert| LabelTerm {
        key: "number".into(),
        op,
        values: vec![value.into()],
        invert,
    };
    let labels = |terms: Vec<LabelTerm>| LabelQuery { terms };
    let query = |labels: Vec<LabelQuery>, id: Option<&str>| Query {
        labels,
        id_regexp: id.map(str::to_owned),
    };
    let equal = |value| labels(vec![term(LabelOp::Equal, value, false)]);
    let table = [
        (query(vec![], None), "one ten two"),
        (query(vec![], Some("^t")), "ten two"),
        (query(vec![], Some("o")), "one two"),
        (query(vec![equal("1")], None), "one"),
        (query(vec![equal("1"), equal("2")], None), "one two"),
        (query(vec![equal("1"), equal("2")], Some("w")), "two"),
        (
            query(
                vec![labels(vec![term(LabelOp::LessOrEqual, "1", true)])],
                None,
            ),
            "two",
        ),
        (
            query(vec![labels(vec![term(LabelOp::Exists, "", true)])], None),
            "ten",
        ),
        (
            query(
                vec![labels(vec![term(LabelOp::LessNumeric, "2", false)])],
                None,
            ),
            "one",
        ),
        (
            query(
                vec![labels(vec![
                    term(LabelOp::Exists, "", false),
                    term(LabelOp::LessOrEqual, "1", true),
                ])],
                None,
            ),
            "two",
        ),
    ];
    for (query, expected) in table {
        let found = stage.state.list(&stage.kind(), &query).await?;
        let ids: Vec<&str> = found.iter().map(|each| each.metadata.id.as_str()).collect();
        ensure!(ids.join(" ") == expected, "{query:?} found {ids:?}");
    }
    let bad = stage
        .state
        .list(&stage.kind(), &query(vec![], Some("(")))
        .await;
    ensure!(matches!(bad, Err(StateError::Invalid(_))), "{bad:?}");
    Ok(())
}
