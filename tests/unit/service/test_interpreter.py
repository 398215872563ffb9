"""Whether the interpreter was built to be fast, told from how it was configured."""

import pytest

from homegraph.service.interpreter import is_built_slow

CONFIGURED = {
    "debian": {
        "installed_base": "/usr",
        "CONFIG_ARGS": "'--enable-shared' '--prefix=/usr' '--with-computed-gotos' 'CFLAGS=-g -fstack-protector-strong'",
        "PY_CFLAGS": "-Wsign-compare -DNDEBUG -g -fwrapv -O2 -Wall",
    },
    "docker": {
        "installed_base": "/usr/local",
        "CONFIG_ARGS": "'--build=x86_64-linux-gnu' '--enable-loadable-sqlite-extensions' '--enable-optimizations' "
        "'--enable-option-checking=fatal' '--enable-shared' '--with-lto' '--without-ensurepip'",
    },
    "standalone": {
        "installed_base": "/home/u/.local/share/uv/python/cpython-3.13",
        "CONFIG_ARGS": "'--prefix=/install' '--without-ensurepip' '--enable-optimizations' '--with-lto'",
    },
    "conda, by make profile-opt": {
        "installed_base": "/opt/conda",
        "CONFIG_ARGS": "'--prefix=/opt/conda' '--with-computed-gotos' '--enable-loadable-sqlite-extensions'",
        "PY_CFLAGS": "-DNDEBUG -fwrapv -O2 -Wall -march=nocona -fprofile-use -fprofile-correction",
    },
    "clang": {
        "installed_base": "/opt/python",
        "CONFIG_ARGS": "'CC=clang'",
        "PY_CORE_CFLAGS": "-fprofile-instr-use=code.profclangd",
    },
    "on Windows": {"installed_base": "C:\\Python313"},
    "none of C": {},
}

PLAIN = {
    "installed_base": "/home/u/.pyenv/versions/3.11.7",
    "CONFIG_ARGS": "'--prefix=/home/u/.pyenv/versions/3.11.7' '--enable-shared' 'LDFLAGS=-L/home/u/lib' 'LIBS=-L/home/u/lib'",
    "PY_CFLAGS": "-Wsign-compare -DNDEBUG -g -fwrapv -O3 -Wall",
    "PGO_PROF_USE_FLAG": "-fprofile-use -fprofile-correction",  # what would have been used
}


@pytest.mark.parametrize("variables", CONFIGURED.values(), ids=CONFIGURED)
def test_no_false_alarm(variables):
    """Distributions, images, standalone builds and what does not tell are taken to be fast."""
    assert not is_built_slow(variables, is_conda=False)


def test_one_that_was_compiled_as_it_came():
    """Configured with nothing but where it goes, as pyenv does unless it is told; a conda's is conda's business."""
    assert is_built_slow(PLAIN, is_conda=False)
    assert not is_built_slow(PLAIN, is_conda=True)
    assert is_built_slow({**PLAIN, "CONFIG_ARGS": "'--with-lto'"}, is_conda=False)


def test_one_for_debugging():
    """It is slower still, whoever has built it."""
    assert is_built_slow({**CONFIGURED["docker"], "Py_DEBUG": 1}, is_conda=False)
