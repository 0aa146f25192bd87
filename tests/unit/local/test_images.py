import sys
from pathlib import Path

import pytest

from gate.local.images import MAX_FILE_BYTES, Image, ImagesError, load_images, parse_images


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "images.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refused(tmp_path: Path, text: str | bytes) -> str:
    with pytest.raises(ImagesError) as caught:
        load_images(write(tmp_path, text))
    return str(caught.value)


def test_reads_command_env_and_cwd(tmp_path):
    (tmp_path / "backend").mkdir()
    path = write(
        tmp_path,
        "images:\n  demo/backend:v1:\n    command: [serve, --fast]\n"
        "    env: {A: b}\n    cwd: backend\n",
    )
    images = load_images(path)
    assert images.find("demo/backend:v1") == Image(
        ("serve", "--fast"), (tmp_path / "backend").resolve(), {"A": "b"}
    )
    assert images.find("demo/backend:v2") is None


@pytest.mark.parametrize("name", ["python", "python3", "{python}"])
def test_python_is_the_running_interpreter(tmp_path, name):
    images = load_images(write(tmp_path, f'images: {{x: {{command: ["{name}", -m, app]}}}}'))
    image = images.find("x")
    assert image is not None
    assert image.command == (sys.executable, "-m", "app")


def test_python_in_braces_is_replaced_anywhere_and_the_word_python_only_in_front():
    images = parse_images('images: {x: {command: [env, "{python}", python]}}', Path("i.yaml"))
    image = images.find("x")
    assert image is not None
    assert image.command == ("env", sys.executable, "python")


def test_cwd_defaults_to_the_directory_of_the_file(tmp_path):
    image = load_images(write(tmp_path, "images: {x: {command: [a]}}")).find("x")
    assert image is not None
    assert image.cwd == tmp_path.resolve()


def test_lists_every_mistake_with_where_got_and_expected(tmp_path):
    said = refused(
        tmp_path,
        "images:\n  a: {command: serve}\n  b: {command: [x], evn: {}}\n  c: 7\n"
        "  d: {command: [x], env: {N: 1}, cwd: missing}\n  5: {command: [x]}\n",
    )
    lines = said.splitlines()
    assert len(lines) == 6
    assert all(line.startswith(f"{tmp_path / 'images.yaml'}: images.") for line in lines)
    assert "(got str, expected a list of text, program first)" in lines[0]
    assert "unknown key (got evn, expected entrypoint, command, env or cwd)" in lines[1]
    assert "(got int, expected {command: [...]})" in lines[2]
    assert "images.d.env.N: value (got int, expected text; quote numbers)" in lines[3]
    assert "images.d.cwd: directory (got missing, expected one that exists)" in lines[4]
    assert "images.5: name (got int, expected text)" in lines[5]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"\xff\xfe\x00", "not text (got byte 0, expected UTF-8)"),
        ("images: [", "cannot be read as YAML"),
        ("a: &a [1]\nb: *a\n", "aliases are not allowed"),
        ("images: {x: {command: [a]}, x: {command: [b]}}", "'x' is given twice"),
        ("? [a, b]\n: 1\n", "cannot be read as YAML"),
        ("[" * 5000, "cannot be read as YAML"),
        ("", "(got nothing, expected"),
        ("image: {}", "(got image, expected"),
        ("images: {}\nmore: 1", "(got images, more, expected"),
        ("images: !!python/object/apply:os.system [x]", "cannot be read as YAML"),
        ("#" * (MAX_FILE_BYTES + 1), "too long"),
    ],
)
def test_refuses(tmp_path, text, says):
    assert says in refused(tmp_path, text)


def test_a_file_of_exactly_the_bound_is_read(tmp_path):
    text = "images: {}\n"
    load_images(write(tmp_path, text + "#" * (MAX_FILE_BYTES - len(text))))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(ImagesError, match="No such file"):
        load_images(tmp_path / "none.yaml")


def test_nul_in_a_command_is_refused(tmp_path):
    assert "expected a list of text" in refused(tmp_path, 'images: {x: {command: ["a\\0b"]}}')


def by_digest(tmp_path, command, name="demo/app:v1"):
    images = load_images(write(tmp_path, f"images: {{'{name}': {{command: [{command}]}}}}"))
    return images, images.by_digest(name)


def test_a_digest_is_that_of_the_content_not_of_the_tag(tmp_path):
    _, first = by_digest(tmp_path, "serve")
    _, same = by_digest(tmp_path, "serve", "demo/app:v2")
    _, other = by_digest(tmp_path, "serve, --new")
    assert first == same != other
    assert first.startswith("demo/app@sha256:")
    assert len(first.partition("sha256:")[2]) == 64


def test_a_reference_by_digest_finds_the_content_and_keeps_it(tmp_path):
    images, reference = by_digest(tmp_path, "serve")
    assert images.find(reference) == images.find("demo/app:v1") is not None
    assert images.by_digest(reference) == reference
    assert images.find(reference.replace("demo/app", "demo/other")) is None
    assert images.find("demo/app@sha256:0") is None


def test_an_image_that_is_not_there_has_no_digest(tmp_path):
    images, _ = by_digest(tmp_path, "serve")
    assert images.by_digest("demo/app:v9") == ""


def test_secrets_are_names_and_texts(tmp_path):
    text = "images: {x: {command: [serve]}}\nsecrets: {key: value}"
    images = load_images(write(tmp_path, text))
    assert images.secrets == {"key": "value"}
    assert "value" not in repr(images)
    assert "secrets.key" in refused(tmp_path, text.replace("value", "[1]"))


def test_entrypoint_and_command_are_those_of_a_dockerfile(tmp_path):
    text = 'images: {x: {entrypoint: [python, -m, app], command: [python, "{python}"]}}'
    image = load_images(write(tmp_path, text)).find("x")
    assert image is not None
    assert image.entrypoint == (sys.executable, "-m", "app")
    assert image.command == ("python", sys.executable)
    alone = load_images(write(tmp_path, "images: {x: {entrypoint: [serve]}}")).find("x")
    assert alone is not None
    assert (alone.entrypoint, alone.command) == (("serve",), ())
    assert alone.digest() != image.digest()


def test_an_image_without_anything_to_run_is_refused(tmp_path):
    assert "images.x.command: what to run (got nothing" in refused(tmp_path, "images: {x: {}}")
    said = refused(tmp_path, "images: {x: {entrypoint: [], command: 7}}")
    assert "images.x.entrypoint: what to run (got list" in said
    assert "images.x.command: what to run (got int, expected a list of text)" in said
