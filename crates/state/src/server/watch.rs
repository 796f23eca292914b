//! The watch of one client.

use futures_util::{StreamExt, stream};
use ichor_api::cosi::resource as pb;
use prost::Message;

use super::Replies;
use crate::wire::{SpecForms, from_query, kind, pointer, to_event};
use crate::{Event, State, StateError, WatchOptions, WatchStart, WatchTarget};

/// How many bytes of events one message holds, as long as one event does not hold more.
const MESSAGE_BYTES: usize = 1 << 20;

/// A checked request.
pub(crate) struct Watching {
    target: WatchTarget,
    options: WatchOptions,
    /// Several events in one message.
    aggregated: bool,
    /// Clients of old have no idea of the end of the bootstrap and of errors.
    modern: bool,
}

impl Watching {
    pub(crate) fn parse(request: pb::WatchRequest) -> Result<Self, StateError> {
        let options = request.options.unwrap_or_default();
        let start = start(&options)?;
        let target = match request.id {
            Some(id) => {
                let pointer = pointer(&request.namespace, &request.r#type, &id)?;
                let whole = options.bootstrap_contents || options.bootstrap_bookmark;
                if whole || !options.label_query.is_empty() || options.id_query.is_some() {
                    return Err(StateError::Invalid(
                        "options: bootstrap and queries are for watches of a kind, not of one id"
                            .into(),
                    ));
                }
                WatchTarget::One(pointer)
            }
            None => WatchTarget::Kind(
                kind(&request.namespace, &request.r#type)?,
                from_query(options.label_query, options.id_query)?,
            ),
        };
        Ok(Self {
            target,
            options: WatchOptions {
                start,
                bookmark: options.bootstrap_bookmark,
            },
            aggregated: options.aggregated,
            modern: request.api_version >= 1,
        })
    }

    /// The first message has no events: it says that no later change is missed.
    pub(super) async fn start(
        self,
        state: &dyn State,
        forms: SpecForms,
    ) -> Result<Replies<pb::WatchResponse>, StateError> {
        let watch = state.watch(self.target, self.options).await?;
        let (aggregated, modern) = (self.aggregated, self.modern);
        let known = move |event: &Event| {
            modern || !matches!(event, Event::Bootstrapped(..) | Event::Errored(_))
        };
        let events = watch.flat_map(move |batch| {
            let events = batch.into_iter().filter(known);
            let events = events.map(move |event| to_event(&event, forms));
            stream::iter(Messages::new(events, aggregated))
        });
        let established = stream::iter([pb::WatchResponse::default()]);
        Ok(Box::pin(established.chain(events).map(Ok)))
    }
}

fn start(options: &pb::WatchOptions) -> Result<WatchStart, StateError> {
    // A negative number asks for none.
    let tail = usize::try_from(options.tail_events).unwrap_or(0);
    let mut wanted = Vec::new();
    if options.bootstrap_contents {
        wanted.push(WatchStart::Contents);
    }
    if tail > 0 {
        wanted.push(WatchStart::Tail(tail));
    }
    if let Some(bookmark) = &options.start_from_bookmark {
        wanted.push(WatchStart::After(bookmark.clone()));
    }
    match (wanted.pop(), wanted.is_empty()) {
        (start, true) => Ok(start.unwrap_or_default()),
        (_, false) => Err(StateError::Invalid(
            "options: bootstrap_contents, tail_events and start_from_bookmark exclude each other"
                .into(),
        )),
    }
}

/// Events in as few messages as are wanted and fit. Each is made when it is asked for: a client that
/// reads none makes the server hold one.
struct Messages<I> {
    events: I,
    aggregated: bool,
    /// Did not fit into the message before.
    ahead: Option<pb::Event>,
}

impl<I: Iterator<Item = pb::Event>> Messages<I> {
    fn new(events: I, aggregated: bool) -> Self {
        Self {
            events,
            aggregated,
            ahead: None,
        }
    }
}

impl<I: Iterator<Item = pb::Event>> Iterator for Messages<I> {
    type Item = pb::WatchResponse;

    fn next(&mut self) -> Option<pb::WatchResponse> {
        let first = self.ahead.take().or_else(|| self.events.next())?;
        let mut bytes = first.encoded_len();
        let mut event = vec![first];
        while self.aggregated && bytes < MESSAGE_BYTES {
            let Some(next) = self.events.next() else {
                break;
            };
            bytes += next.encoded_len();
            if bytes > MESSAGE_BYTES {
                self.ahead = Some(next);
            } else {
                event.push(next);
            }
        }
        Some(pb::WatchResponse { event })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn aggregates_up_to_the_size_of_a_message() {
        let event = |size: usize| pb::Event {
            error: Some("x".repeat(size)),
            ..pb::Event::default()
        };
        let sizes = |events: Vec<pb::Event>, aggregated| -> Vec<usize> {
            Messages::new(events.into_iter(), aggregated)
                .map(|each| each.event.len())
                .collect()
        };
        let small = || (0..3).map(|_| event(10)).collect::<Vec<_>>();
        assert_eq!(sizes(small(), true), [3]);
        assert_eq!(sizes(small(), false), [1, 1, 1]);
        let large = vec![
            event(600_000),
            event(400_000),
            event(600_000),
            event(2 << 20),
        ];
        assert_eq!(sizes(large, true), [2, 1, 1]);
        assert!(sizes(Vec::new(), true).is_empty());
    }

    #[test]
    fn encodes_no_more_than_the_client_reads() {
        for (aggregated, expected) in [(false, 1), (true, 3)] {
            let mut encoded = 0;
            let events = (0..128).map(|_| {
                encoded += 1;
                pb::Event {
                    error: Some("x".repeat(400_000)),
                    ..pb::Event::default()
                }
            });
            let first = Messages::new(events, aggregated).next();
            assert!(first.is_some());
            assert_eq!(encoded, expected, "aggregated: {aggregated}");
        }
    }

    #[test]
    fn starts_exclude_each_other() {
        let one = pb::WatchOptions {
            tail_events: 3,
            ..pb::WatchOptions::default()
        };
        assert_eq!(start(&one), Ok(WatchStart::Tail(3)));
        assert_eq!(start(&pb::WatchOptions::default()), Ok(WatchStart::Now));
        let negative = pb::WatchOptions {
            tail_events: -1,
            bootstrap_contents: true,
            ..pb::WatchOptions::default()
        };
        assert_eq!(start(&negative), Ok(WatchStart::Contents));
        let contents = pb::WatchOptions {
            bootstrap_contents: true,
            ..one.clone()
        };
        let bookmark = pb::WatchOptions {
            start_from_bookmark: Some(bytes::Bytes::new()),
            ..one
        };
        for bad in [contents, bookmark] {
            assert!(matches!(start(&bad), Err(StateError::Invalid(_))));
        }
    }

    #[test]
    fn a_bookmark_goes_with_every_start() {
        for options in [
            pb::WatchOptions::default(),
            pb::WatchOptions {
                bootstrap_contents: true,
                ..pb::WatchOptions::default()
            },
            pb::WatchOptions {
                tail_events: 3,
                ..pb::WatchOptions::default()
            },
            pb::WatchOptions {
                start_from_bookmark: Some(bytes::Bytes::from_static(b"x")),
                ..pb::WatchOptions::default()
            },
        ] {
            let request = pb::WatchRequest {
                namespace: "runtime".into(),
                r#type: "Things.test".into(),
                options: Some(pb::WatchOptions {
                    bootstrap_bookmark: true,
                    ..options.clone()
                }),
                ..pb::WatchRequest::default()
            };
            let Ok(watching) = Watching::parse(request) else {
                panic!("{options:?} is refused")
            };
            assert!(watching.options.bookmark, "{options:?}");
            assert_eq!(Ok(watching.options.start), start(&options));
        }
    }
}
