//! `inspect.InspectService`: the graph of controllers and resources.
//!
//! Each component writes its controllers into the state; this puts them together.

use std::sync::Arc;

use ichor_api::inspect::inspect_service_server::InspectService;
use ichor_api::inspect::{
    ControllerDependencyEdge, ControllerRuntimeDependenciesResponse, ControllerRuntimeDependency,
};
use ichor_resource::specs::runtime::ControllerStatus;
use ichor_state::{Query, State, StateExt};
use tonic::{Request, Response, Status};

pub(crate) struct InspectApi {
    pub(crate) state: Arc<dyn State>,
}

#[tonic::async_trait]
impl InspectService for InspectApi {
    async fn controller_runtime_dependencies(
        &self,
        _: Request<()>,
    ) -> Result<Response<ControllerRuntimeDependenciesResponse>, Status> {
        let controllers = controllers(&*self.state).await?;
        let message = ControllerRuntimeDependency {
            metadata: None,
            edges: controllers.iter().flat_map(edges).collect(),
        };
        Ok(Response::new(ControllerRuntimeDependenciesResponse {
            messages: vec![message],
        }))
    }
}

/// All controllers of the node, by name.
///
/// # Errors
/// Those of the state.
pub(crate) async fn controllers(state: &dyn State) -> Result<Vec<ControllerStatus>, Status> {
    let found = state.list_as::<ControllerStatus>(&Query::default()).await;
    let found =
        found.map_err(|error| Status::internal(format!("list the controllers: {error}")))?;
    Ok(found.iter().map(|each| each.value().clone()).collect())
}

fn edges(controller: &ControllerStatus) -> impl Iterator<Item = ControllerDependencyEdge> {
    controller
        .edges
        .iter()
        .map(|edge| ControllerDependencyEdge {
            controller_name: controller.name.clone(),
            edge_type: edge.kind.number(),
            resource_namespace: edge.namespace.clone(),
            resource_type: edge.resource_type.clone(),
            resource_id: edge.id.clone(),
        })
}
