use std::process::Command;

use super::*;

/// A program of its own in assembly, so that each way to a number is there once.
fn analysed(assembly: &str, arguments: &[&str]) -> StaticBinary {
    let folder = tempfile::tempdir().unwrap();
    let (source, program) = (folder.path().join("p.s"), folder.path().join("p"));
    std::fs::write(&source, format!(".intel_syntax noprefix\n{assembly}\n")).unwrap();
    let built = Command::new("gcc")
        .args(["-nostdlib", "-o"])
        .args([&program, &source])
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        built.status.success(),
        "{}",
        String::from_utf8_lossy(&built.stderr)
    );
    analyse(&program).unwrap()
}

fn names(analysis: &StaticBinary) -> Vec<String> {
    analysis
        .calls
        .iter()
        .map(|found| found.call.to_string())
        .collect()
}

/// A function of that name.
fn function(name: &str, body: &str) -> String {
    format!(".globl {name}\n.type {name}, @function\n{name}:\n{body}\n.size {name}, .-{name}\n")
}

#[test]
fn a_number_is_tracked_through_registers_branches_and_callers() {
    let assembly = [
        function(
            "_start",
            "call direct\n call moved\n mov edi, 3\n call wrapper\n mov edi, 4\n call wrapper
             call either\n call pushed\n jmp last",
        ),
        function("direct", "xor eax, eax\n syscall\n ret"),
        function(
            "moved",
            "mov r9d, 1\n mov ecx, 7\n test rdi, rdi\n mov rax, r9\n syscall\n ret",
        ),
        function(
            "wrapper",
            "push rbx\n mov rax, rdi\n mov rdi, rsi\n syscall\n pop rbx\n ret",
        ),
        function(
            "either",
            "mov eax, 5\n test rsi, rsi\n je 1f\n mov eax, 6\n1: syscall\n mov edx, 8\n mov eax, 9
             cmovne eax, edx\n syscall\n ret",
        ),
        function("pushed", "push 10\n pop rax\n syscall\n ret"),
        function("last", "mov eax, 231\n syscall\n hlt"),
        function("unreached", "mov eax, 57\n syscall\n ret"),
    ];
    let found = analysed(&assembly.concat(), &["-static"]);
    let expected = [
        "read",
        "write",
        "close",
        "stat",
        "fstat",
        "lstat",
        "lseek",
        "mmap",
        "mprotect",
        "exit_group",
    ];
    assert_eq!(names(&found), expected);
    assert_eq!(found.unknown, []);
    assert_eq!((found.all.syscalls, found.reached.syscalls), (8, 7));
    let site = &found.calls[0].sites[0];
    assert_eq!(
        (site.file.as_str(), site.function.as_str()),
        ("p", "direct")
    );
}

#[test]
fn a_number_that_cannot_be_tracked_is_unknown_and_says_why() {
    let assembly = [
        function(
            "_start",
            "lea rax, [rip + pointed]\n call memory\n call result\n call rax\n hlt",
        ),
        function("memory", "mov eax, [rsp + 8]\n syscall\n ret"),
        function("result", "call memory\n syscall\n ret"),
        function("pointed", "mov eax, edi\n syscall\n ret"),
    ];
    let found = analysed(&assembly.concat(), &["-static"]);
    assert_eq!(names(&found), Vec::<String>::new());
    let why = found.unknown.iter().map(|site| {
        let why = site.why.join(", ");
        format!("{}: {why}", site.site.function)
    });
    let expected = [
        "memory: it is read from memory in memory",
        "pointed: pointed receives the number as an argument, and is called through a pointer",
        "result: a function returns it in result",
    ];
    assert_eq!(why.collect::<Vec<_>>(), expected);
}

#[test]
fn functions_in_data_are_reached() {
    let assembly = [
        function("_start", "mov rax, [rip + table]\n call rax\n hlt"),
        function("pointed", "mov eax, 39\n syscall\n ret"),
        ".data\ntable: .quad pointed\n".to_owned(),
    ];
    for arguments in [["-static", "-no-pie"], ["-static-pie", "-Wl,-z,now"]] {
        assert_eq!(
            names(&analysed(&assembly.concat(), &arguments)),
            ["getpid"],
            "{arguments:?}"
        );
    }
}

#[test]
fn names_are_followed_into_libraries() {
    let folder = tempfile::tempdir().unwrap();
    let library = folder.path().join("libwrap.so");
    let source = folder.path().join("l.s");
    let wrap = function("wrap", "mov rax, rdi\n syscall\n ret");
    let other = function("other", "mov eax, 57\n syscall\n ret");
    std::fs::write(&source, format!(".intel_syntax noprefix\n{wrap}{other}")).unwrap();
    let arguments = ["-nostdlib", "-shared", "-o"];
    let mut gcc = Command::new("gcc");
    assert!(
        gcc.args(arguments)
            .args([&library, &source])
            .status()
            .unwrap()
            .success()
    );
    let start = function("_start", "mov edi, 62\n call wrap@PLT\n hlt");
    let path = format!("-Wl,-rpath,{}", folder.path().display());
    let found = analysed(&start, &[library.to_str().unwrap(), &path]);
    // The loader, which every such program has, makes calls of its own.
    let in_library = found.calls.iter().filter(|found| {
        let mut sites = found.sites.iter();
        sites.any(|site| site.file == "libwrap.so")
    });
    let in_library: Vec<_> = in_library.map(|found| found.call.to_string()).collect();
    assert_eq!(in_library, ["kill"]);
}

#[test]
fn what_is_no_program_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "#!/bin/sh\n").unwrap();
    let error = analyse(file.path()).unwrap_err();
    assert!(
        error.to_string().contains(file.path().to_str().unwrap()),
        "{error}"
    );
    assert!(matches!(
        analyse(Path::new("/nowhere")),
        Err(StaticError::Io { .. })
    ));
}
