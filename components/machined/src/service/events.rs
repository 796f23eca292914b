//! Events, followed by clients.

use std::time::Duration;

use ichor_api::machine::{Event, EventsRequest};
use prost_types::Any;
use tonic::Response;

use super::stream::{Answers, answer};
use crate::events::{Events, Tail};

/// Answers with an empty event, then with those that were asked for, then with what comes.
pub(crate) fn follow(events: Events, request: EventsRequest) -> Response<Answers<Event>> {
    let mut position = events.start(&tail(&request));
    answer(move |sink| async move {
        // Clients wait for this one to know that they are connected.
        let hello = Event {
            data: Some(Any::default()),
            ..Event::default()
        };
        if sink.send(Ok(hello)).await.is_err() {
            return;
        }
        loop {
            let (batch, end) = events.read(position);
            position = end;
            let actor = &request.with_actor_id;
            for event in batch {
                let is_wanted = actor.is_empty() || event.actor_id == *actor;
                if is_wanted && sink.send(Ok(event)).await.is_err() {
                    return;
                }
            }
            tokio::select! {
                () = events.wait(position) => {}
                () = sink.closed() => return,
            }
        }
    })
}

fn tail(request: &EventsRequest) -> Tail {
    if !request.tail_id.is_empty() {
        return Tail::After(request.tail_id.clone());
    }
    if let Ok(seconds @ 1..) = u64::try_from(request.tail_seconds) {
        return Tail::Since(Duration::from_secs(seconds));
    }
    match usize::try_from(request.tail_events) {
        Ok(0) => Tail::None,
        Ok(count) => Tail::Count(count),
        Err(_negative) => Tail::All,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_says_where_to_begin() {
        let request = |tail_events, tail_seconds, tail_id: &str| EventsRequest {
            tail_events,
            tail_seconds,
            tail_id: tail_id.into(),
            with_actor_id: String::new(),
        };
        assert_eq!(tail(&request(0, 0, "")), Tail::None);
        assert_eq!(tail(&request(-1, 0, "")), Tail::All);
        assert_eq!(tail(&request(5, 0, "")), Tail::Count(5));
        assert_eq!(
            tail(&request(5, 9, "")),
            Tail::Since(Duration::from_secs(9))
        );
        assert_eq!(tail(&request(5, 9, "x")), Tail::After("x".into()));
    }
}
