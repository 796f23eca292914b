//! Describes hosts, hostname and resolv.conf; PID 1 puts them in place.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError};
use ichor_resource::specs::files::EtcFileSpec;
use ichor_resource::specs::network::{HostnameStatus, NodeAddress, ResolverStatus};

use crate::plan::{hosts, resolv_conf};

pub(super) struct EtcFilesController;

impl Controller for EtcFilesController {
    const NAME: &'static str = "network.EtcFileController";

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input::weak::<HostnameStatus>().id("hostname"),
            Input::weak::<ResolverStatus>().id("resolvers"),
            Input::weak::<NodeAddress>().id("default"),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::shared::<EtcFileSpec>()]
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let name = cx.get::<HostnameStatus>("hostname").await?;
        let name = name.map(|name| name.into_value());
        let address = cx.get::<NodeAddress>("default").await?;
        let address = address.and_then(|all| all.value().addresses.first().map(ipnet::IpNet::addr));
        write(cx, "hosts", hosts(name.as_ref(), address)).await?;
        if let Some(name) = name {
            write(cx, "hostname", format!("{}\n", name.hostname)).await?;
        }
        if let Some(resolvers) = cx.get::<ResolverStatus>("resolvers").await? {
            write(cx, "resolv.conf", resolv_conf(resolvers.value())).await?;
        }
        Ok(())
    }
}

async fn write(cx: &Ctx, id: &str, contents: String) -> Result<(), ReconcileError> {
    let file = EtcFileSpec {
        contents: contents.into_bytes(),
        mode: 0o644,
        selinux_label: String::new(),
    };
    cx.upsert(id, file).await
}
