//! `cosi.resource.State` over any state.

pub(crate) mod watch;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{Stream, StreamExt, stream};
use ichor_api::cosi::resource as pb;
use ichor_api::cosi::resource::state_server;
use jiff::Timestamp;
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::transport::server::Router;
use tonic::{Extensions, Request, Response, Status};

use crate::wire::{
    SpecForms, from_new_resource, from_query, kind, owner, phase, pointer, to_resource, to_status,
};
use crate::{State, StateError, StateExt};

/// How large a message may be, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 32 << 20;

/// How large a request may be, and so a resource. An event has up to two of them, each in two forms,
/// of which the one for people may be several times as long, and all that fits into a message.
pub(crate) const MAX_REQUEST_BYTES: usize = 2 << 20;

/// How many calls and watches one connection may have open.
const MAX_STREAMS: u32 = 4096;

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;
type Choose = dyn Fn(&MetadataMap, &Extensions) -> Result<Arc<dyn State>, Status> + Send + Sync;

/// Serves a state over gRPC. Cloning it copies a pointer.
#[derive(Clone)]
pub struct StateServer {
    choose: Arc<Choose>,
    forms: SpecForms,
    births_count: bool,
}

impl fmt::Debug for StateServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StateServer").finish_non_exhaustive()
    }
}

impl StateServer {
    /// Shows the same state to every caller.
    pub fn new(state: impl State + 'static) -> Self {
        let state: Arc<dyn State> = Arc::new(state);
        Self::by_caller(move |_, _| Ok(Arc::clone(&state)))
    }

    /// Shows each caller the state that `choose` picks by the metadata and extensions of its request.
    pub fn by_caller(
        choose: impl Fn(&MetadataMap, &Extensions) -> Result<Arc<dyn State>, Status>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self {
            choose: Arc::new(choose),
            forms: SpecForms::All,
            births_count: true,
        }
    }

    /// Leaves the YAML form of specs out: it is for people, and most of the work.
    #[must_use]
    pub fn without_yaml(mut self) -> Self {
        self.forms = SpecForms::Binary;
        self
    }

    /// Takes updates from clients that keep a time of creation of their own: the version alone says
    /// what an update replaces, also when the resource was made anew since. The public client library
    /// for Go is one.
    #[must_use]
    pub fn for_any_client(mut self) -> Self {
        self.births_count = false;
        self
    }

    /// The tower service, for a tonic server that has more services.
    pub fn into_service(self) -> state_server::StateServer<Self> {
        state_server::StateServer::new(self)
            .max_decoding_message_size(MAX_REQUEST_BYTES)
            .max_encoding_message_size(MAX_MESSAGE_BYTES)
    }

    /// Serves this alone, with the limits of a connection.
    pub fn into_router(self) -> Router {
        Server::builder()
            // Each watch is a stream; one more than the limit would wait without an end.
            .max_concurrent_streams(MAX_STREAMS)
            .add_service(self.into_service())
    }

    /// Serves this alone on a unix socket until `stop` completes.
    ///
    /// # Errors
    /// [`StateError::Transport`] when the listener fails.
    pub async fn serve_unix(
        self,
        listener: UnixListener,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), StateError> {
        self.into_router()
            .serve_with_incoming_shutdown(UnixListenerStream::new(listener), stop)
            .await
            .map_err(|error| StateError::Transport(error.to_string()))
    }

    fn open<T>(&self, request: Request<T>) -> Result<(Arc<dyn State>, T), Status> {
        let state = (self.choose)(request.metadata(), request.extensions())?;
        Ok((state, request.into_inner()))
    }
}

#[async_trait]
impl state_server::State for StateServer {
    async fn get(
        &self,
        request: Request<pb::GetRequest>,
    ) -> Result<Response<pb::GetResponse>, Status> {
        let (state, request) = self.open(request)?;
        let pointer =
            pointer(&request.namespace, &request.r#type, &request.id).map_err(to_status)?;
        let resource = state.get(&pointer).await.map_err(to_status)?;
        let resource = Some(to_resource(&resource, self.forms));
        Ok(Response::new(pb::GetResponse { resource }))
    }

    /// One resource per message, encoded as the client reads on.
    async fn list(
        &self,
        request: Request<pb::ListRequest>,
    ) -> Result<Response<Replies<pb::ListResponse>>, Status> {
        let (state, request) = self.open(request)?;
        let kind = kind(&request.namespace, &request.r#type).map_err(to_status)?;
        let options = request.options.unwrap_or_default();
        let query = from_query(options.label_query, options.id_query).map_err(to_status)?;
        let found = state.list(&kind, &query).await.map_err(to_status)?;
        let forms = self.forms;
        let replies = stream::iter(found).map(move |resource| {
            let resource = Some(to_resource(&resource, forms));
            Ok(pb::ListResponse { resource })
        });
        Ok(Response::new(Box::pin(replies)))
    }

    async fn create(
        &self,
        request: Request<pb::CreateRequest>,
    ) -> Result<Response<pb::CreateResponse>, Status> {
        let (state, request) = self.open(request)?;
        let owner = owner(request.options.unwrap_or_default().owner).map_err(to_status)?;
        let resource = from_new_resource(request.resource).map_err(to_status)?;
        let stored = state.create(resource, &owner).await.map_err(to_status)?;
        let resource = Some(to_resource(&stored, self.forms));
        Ok(Response::new(pb::CreateResponse { resource }))
    }

    async fn update(
        &self,
        request: Request<pb::UpdateRequest>,
    ) -> Result<Response<pb::UpdateResponse>, Status> {
        let (state, request) = self.open(request)?;
        let options = request.options.unwrap_or_default();
        let expected = options.expected_phase.as_deref().map(phase).transpose();
        let expected = expected.map_err(|reason| {
            to_status(StateError::Invalid(format!(
                "options.expected_phase: {reason}"
            )))
        })?;
        let owner = owner(options.owner).map_err(to_status)?;
        let mut resource = from_new_resource(request.new_resource).map_err(to_status)?;
        if !self.births_count {
            Arc::make_mut(&mut resource.metadata).created = Timestamp::UNIX_EPOCH;
        }
        let stored = state
            .update(resource, &owner, expected)
            .await
            .map_err(to_status)?;
        let resource = Some(to_resource(&stored, self.forms));
        Ok(Response::new(pb::UpdateResponse { resource }))
    }

    async fn destroy(
        &self,
        request: Request<pb::DestroyRequest>,
    ) -> Result<Response<pb::DestroyResponse>, Status> {
        let (state, request) = self.open(request)?;
        let pointer =
            pointer(&request.namespace, &request.r#type, &request.id).map_err(to_status)?;
        let owner = owner(request.options.unwrap_or_default().owner).map_err(to_status)?;
        state.destroy(&pointer, &owner).await.map_err(to_status)?;
        Ok(Response::new(pb::DestroyResponse {}))
    }

    async fn watch(
        &self,
        request: Request<pb::WatchRequest>,
    ) -> Result<Response<Replies<pb::WatchResponse>>, Status> {
        let (state, request) = self.open(request)?;
        let watch = watch::Watching::parse(request).map_err(to_status)?;
        let replies = watch.start(&*state, self.forms).await.map_err(to_status)?;
        Ok(Response::new(replies))
    }

    async fn teardown(
        &self,
        request: Request<pb::TeardownRequest>,
    ) -> Result<Response<pb::TeardownResponse>, Status> {
        let (state, request) = self.open(request)?;
        let pointer =
            pointer(&request.namespace, &request.r#type, &request.id).map_err(to_status)?;
        let owner = owner(request.options.unwrap_or_default().owner).map_err(to_status)?;
        let destroy_ready = state.teardown(&pointer, &owner).await.map_err(to_status)?;
        Ok(Response::new(pb::TeardownResponse { destroy_ready }))
    }

    async fn teardown_and_destroy(
        &self,
        request: Request<pb::TeardownAndDestroyRequest>,
    ) -> Result<Response<pb::TeardownAndDestroyResponse>, Status> {
        let (state, request) = self.open(request)?;
        let pointer =
            pointer(&request.namespace, &request.r#type, &request.id).map_err(to_status)?;
        let owner = owner(request.options.unwrap_or_default().owner).map_err(to_status)?;
        state
            .teardown_and_destroy(&pointer, &owner)
            .await
            .map_err(to_status)?;
        Ok(Response::new(pb::TeardownAndDestroyResponse {}))
    }
}
