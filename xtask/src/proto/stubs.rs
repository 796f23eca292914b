//! What methods answer that nobody implements: the generator says only that it is so.

use prost_types::FileDescriptorSet;

/// The generator's words.
const GENERATED: &str = "\"Not yet implemented\"";

/// Puts the name of the method into its answer, for whoever sees nothing else.
pub(super) fn name_methods(generated: &str, descriptors: &FileDescriptorSet) -> String {
    let services = descriptors.file.iter().flat_map(|file| &file.service);
    let methods: Vec<&str> = services
        .flat_map(|service| &service.method)
        .map(|method| method.name())
        .collect();
    let mut within = "the method";
    let mut named = String::with_capacity(generated.len());
    for line in generated.split_inclusive('\n') {
        if let Some(function) = function(line) {
            let known = methods.iter().find(|method| is_same(method, function));
            within = known.copied().unwrap_or("the method");
        }
        let answer = format!("\"{within} is not implemented yet, nothing was done\"");
        named.push_str(&line.replace(GENERATED, &answer));
    }
    named
}

/// The function that a line begins.
fn function(line: &str) -> Option<&str> {
    let (name, _) = line
        .trim_start()
        .strip_prefix("async fn ")?
        .split_once('(')?;
    Some(name)
}

/// Whether a method has this name in Rust, where words are divided by underscores.
fn is_same(method: &str, function: &str) -> bool {
    method.eq_ignore_ascii_case(&function.replace('_', ""))
}

#[cfg(test)]
mod tests {
    use prost_types::{FileDescriptorProto, MethodDescriptorProto, ServiceDescriptorProto};

    use super::*;

    #[test]
    fn each_stub_names_its_method() {
        let method = |name: &str| MethodDescriptorProto {
            name: Some(name.into()),
            ..MethodDescriptorProto::default()
        };
        let service = ServiceDescriptorProto {
            method: vec![method("EtcdRemoveMemberByID"), method("Reboot")],
            ..ServiceDescriptorProto::default()
        };
        let file = FileDescriptorProto {
            service: vec![service],
            ..FileDescriptorProto::default()
        };
        let descriptors = FileDescriptorSet { file: vec![file] };
        let generated = "async fn etcd_remove_member_by_id(\n\
            Err(Status::unimplemented(\"Not yet implemented\"))\n    async fn reboot(\n\
            Err(Status::unimplemented(\"Not yet implemented\"))\n";
        let expected = "async fn etcd_remove_member_by_id(\n\
            Err(Status::unimplemented(\"EtcdRemoveMemberByID is not implemented yet, nothing was \
            done\"))\n    async fn reboot(\n\
            Err(Status::unimplemented(\"Reboot is not implemented yet, nothing was done\"))\n";
        assert_eq!(name_methods(generated, &descriptors), expected);
    }
}
