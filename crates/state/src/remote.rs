//! A state behind a unix socket.

use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use hyper_util::rt::TokioIo;
use ichor_api::cosi::resource as pb;
use ichor_api::cosi::resource::state_client::StateClient;
use ichor_resource::{AnyResource, Kind, Phase, Pointer};
use tokio::net::UnixStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};

use crate::wire::{SpecForms, from_event, from_resource, from_status, to_query, to_resource};
use crate::{
    Event, MAX_MESSAGE_BYTES, Query, State, StateError, Watch, WatchOptions, WatchStart,
    WatchTarget,
};

/// A watcher that does not read holds at most this much of the connection.
const STREAM_WINDOW_BYTES: u32 = 256 << 10;
/// So that many idle readers do not stop the others.
const CONNECTION_WINDOW_BYTES: u32 = 32 << 20;
/// How often a read is tried again while the server is away.
const RETRIES: u32 = 20;
const RETRY_INTERVAL: Duration = Duration::from_millis(100);

/// A state that another process serves. Cloning it shares the connection.
///
/// It connects with the first call and again whenever the server was away; reads wait a little
/// for it, writes fail with [`StateError::Transport`], because they may have happened. Specs stay
/// encoded until they are read as a type.
#[derive(Clone, Debug)]
pub struct RemoteState {
    client: StateClient<Channel>,
}

impl RemoteState {
    /// A state served on the unix socket at `path`.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let connect = tower::service_fn(move |_| {
            let path = path.clone();
            async move { UnixStream::connect(path).await.map(TokioIo::new) }
        });
        let endpoint = Endpoint::from_static("http://state.invalid")
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES);
        Self::over(endpoint.connect_with_connector_lazy(connect))
    }

    /// A state served at the other end of a channel.
    pub fn over(channel: Channel) -> Self {
        let client = StateClient::new(channel)
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES);
        Self { client }
    }

    /// Asks again while nobody answers. Only for calls that change nothing.
    async fn retried<T, F>(&self, call: impl Fn(StateClient<Channel>) -> F) -> Result<T, Status>
    where
        F: Future<Output = Result<T, Status>>,
    {
        let mut left = RETRIES;
        loop {
            match call(self.client.clone()).await {
                Err(status) if status.code() == Code::Unavailable && left > 0 => {
                    left -= 1;
                    tokio::time::sleep(RETRY_INTERVAL).await;
                }
                done => return done,
            }
        }
    }
}

#[async_trait]
impl State for RemoteState {
    async fn get(&self, pointer: &Pointer) -> Result<AnyResource, StateError> {
        let request = pb::GetRequest {
            namespace: pointer.kind.namespace.clone().into_owned(),
            r#type: pointer.kind.type_name.clone().into_owned(),
            id: pointer.id.clone(),
            options: None,
        };
        let call = |mut client: StateClient<Channel>| {
            let request = request.clone();
            async move { client.get(request).await }
        };
        let reply = self.retried(call).await;
        let reply = reply.map_err(|status| from_status(&status, || pointer.clone()))?;
        from_resource(reply.into_inner().resource)
    }

    async fn list(&self, kind: &Kind, query: &Query) -> Result<Vec<AnyResource>, StateError> {
        let (label_query, id_query) = to_query(query);
        let request = pb::ListRequest {
            namespace: kind.namespace.clone().into_owned(),
            r#type: kind.type_name.clone().into_owned(),
            options: Some(pb::ListOptions {
                label_query,
                id_query,
            }),
        };
        let failed = |status: &Status| from_status(status, || whole(kind));
        let call = |mut client: StateClient<Channel>| {
            let request = request.clone();
            async move { client.list(request).await }
        };
        let reply = self.retried(call).await.map_err(|status| failed(&status))?;
        let mut replies = reply.into_inner();
        let mut found = Vec::new();
        while let Some(reply) = replies.next().await {
            found.push(from_resource(
                reply.map_err(|status| failed(&status))?.resource,
            )?);
        }
        Ok(found)
    }

    async fn create(&self, resource: AnyResource, owner: &str) -> Result<AnyResource, StateError> {
        let request = pb::CreateRequest {
            resource: Some(to_resource(&resource, SpecForms::Binary)),
            options: Some(pb::CreateOptions {
                owner: owner.to_owned(),
            }),
        };
        let reply = self.client.clone().create(request).await;
        let failed = |status| from_status(&status, || resource.metadata.pointer());
        from_resource(reply.map_err(failed)?.into_inner().resource)
    }

    async fn update(
        &self,
        resource: AnyResource,
        owner: &str,
        expected_phase: Option<Phase>,
    ) -> Result<AnyResource, StateError> {
        let request = pb::UpdateRequest {
            new_resource: Some(to_resource(&resource, SpecForms::Binary)),
            options: Some(pb::UpdateOptions {
                owner: owner.to_owned(),
                expected_phase: expected_phase.map(|phase| phase.as_str().to_owned()),
            }),
        };
        let reply = self.client.clone().update(request).await;
        let failed = |status| from_status(&status, || resource.metadata.pointer());
        from_resource(reply.map_err(failed)?.into_inner().resource)
    }

    async fn destroy(&self, pointer: &Pointer, owner: &str) -> Result<(), StateError> {
        let request = pb::DestroyRequest {
            namespace: pointer.kind.namespace.clone().into_owned(),
            r#type: pointer.kind.type_name.clone().into_owned(),
            id: pointer.id.clone(),
            options: Some(pb::DestroyOptions {
                owner: owner.to_owned(),
            }),
        };
        let reply = self.client.clone().destroy(request).await;
        reply.map_err(|status| from_status(&status, || pointer.clone()))?;
        Ok(())
    }

    async fn teardown(&self, pointer: &Pointer, owner: &str) -> Result<bool, StateError> {
        let request = pb::TeardownRequest {
            namespace: pointer.kind.namespace.clone().into_owned(),
            r#type: pointer.kind.type_name.clone().into_owned(),
            id: pointer.id.clone(),
            options: Some(pb::TeardownOptions {
                owner: owner.to_owned(),
            }),
        };
        let reply = self.client.clone().teardown(request).await;
        let reply = reply.map_err(|status| from_status(&status, || pointer.clone()))?;
        Ok(reply.into_inner().destroy_ready)
    }

    async fn watch(&self, target: WatchTarget, options: WatchOptions) -> Result<Watch, StateError> {
        let request = watch_request(&target, options);
        let failed = |status: &Status| {
            from_status(status, || match &target {
                WatchTarget::One(pointer) => pointer.clone(),
                WatchTarget::Kind(kind, _) => whole(kind),
            })
        };
        let call = |mut client: StateClient<Channel>| {
            let request = Request::new(request.clone());
            async move { client.watch(request).await }
        };
        let reply = self.retried(call).await.map_err(|status| failed(&status))?;
        let mut replies = reply.into_inner();
        // The first message says that the watch is established.
        match replies.next().await {
            Some(Ok(_established)) => {}
            Some(Err(status)) => return Err(failed(&status)),
            None => return Err(StateError::Transport("the watch ended at once".into())),
        }
        Ok(Box::pin(stream::unfold(Some(replies), next)))
    }
}

/// The next batch; whatever goes wrong becomes the last event.
async fn next(
    replies: Option<Streaming<pb::WatchResponse>>,
) -> Option<(Vec<Event>, Option<Streaming<pb::WatchResponse>>)> {
    let mut replies = replies?;
    loop {
        let error = match replies.next().await {
            Some(Ok(reply)) if reply.event.is_empty() => continue,
            Some(Ok(reply)) => {
                let events: Result<Vec<Event>, _> =
                    reply.event.into_iter().map(from_event).collect();
                match events {
                    Ok(events) => {
                        let ended = matches!(events.last(), Some(Event::Errored(_)));
                        return Some((events, (!ended).then_some(replies)));
                    }
                    Err(error) => error.to_string(),
                }
            }
            Some(Err(status)) => format!("{}: {}", status.code(), status.message()),
            None => "the server ended the watch".to_owned(),
        };
        return Some((vec![Event::Errored(error)], None));
    }
}

fn watch_request(target: &WatchTarget, options: WatchOptions) -> pb::WatchRequest {
    let (kind, id, query) = match target {
        WatchTarget::One(pointer) => (&pointer.kind, Some(pointer.id.clone()), Query::default()),
        WatchTarget::Kind(kind, query) => (kind, None, query.clone()),
    };
    let (label_query, id_query) = to_query(&query);
    let mut wire = pb::WatchOptions {
        label_query,
        id_query,
        aggregated: true,
        bootstrap_bookmark: options.bookmark && id.is_none(),
        ..pb::WatchOptions::default()
    };
    match options.start {
        WatchStart::Now => {}
        // A watch of one resource begins with its present value anyway.
        WatchStart::Contents if id.is_some() => {}
        WatchStart::Contents => wire.bootstrap_contents = true,
        // More than the history holds, so nothing is lost.
        WatchStart::Tail(count) => wire.tail_events = i32::try_from(count).unwrap_or(i32::MAX),
        WatchStart::After(bookmark) => wire.start_from_bookmark = Some(bookmark),
    }
    pb::WatchRequest {
        namespace: kind.namespace.clone().into_owned(),
        r#type: kind.type_name.clone().into_owned(),
        id,
        options: Some(wire),
        api_version: 1,
    }
}

/// Stands for a whole kind in an error.
fn whole(kind: &Kind) -> Pointer {
    Pointer {
        kind: kind.clone(),
        id: String::new(),
    }
}

#[cfg(test)]
mod tests;
