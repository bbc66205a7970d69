"""The texts from which the small model's tokenizer learns its words: programs and their traces, and ordinary Python."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from sysconfig import get_path

from tokenizers import Tokenizer

from cwm_agent.nano.dataset import examples
from cwm_agent.nano.tokenizer import train_tokenizer

_LOOKED_AT = ((0, 1500), (1, 2500), (2, 800), (3, 200))
"""How many programs of each level."""
_MODULES = """
textwrap string statistics bisect heapq fractions shlex posixpath fnmatch colorsys calendar numbers keyword operator
functools collections reprlib copy stat genericpath nturl2path html ipaddress difflib random graphlib json.decoder
json.encoder types dataclasses enum abc
"""
_LONGEST = 1500  # characters of a function
_COMMON = """
True False None ValueError KeyError IndexError TypeError ZeroDivisionError StopIteration self __init__ __repr__ class_
yield_ raise_ return_ lambda_ enumerate( zip( sorted( reversed( isinstance( list_index_out_of_range division_by_zero
invalid_literal_for_int()_with_base_10:_ not_enough_values_to_unpack unsupported_operand_type(s)_for_+:_'int'_and_'str'
.append( .split( .join( .strip( .replace( .startswith( .endswith( .items() .keys() .values() .get( .pop( .extend(
.insert( .remove( .index( .count( .lower() .upper() .title() .find( except_ finally: else: elif_ while_ import_ math
abs( round( max( min( sum( any( all( range( str( int( float( set( tuple( dict( f' {' '} _not_in_ _is_not_ _is_None
_and_ _or_
"""
_OFTEN = 150  # times that each of these is said in either way


def first_tokenizer() -> Tokenizer:
    """The tokenizer that a training run begins with, the same every time on the same Python."""
    return train_tokenizer(list(_texts()))


def _texts() -> Iterator[str]:
    for level, number in _LOOKED_AT:
        for each in examples(range(number), level):
            yield from (part for part in (*each.prompt, *each.frames) if isinstance(part, str))
    for module in _MODULES.split():
        yield from _functions(module)
    common = [each if each.startswith("__") else each.replace("_", " ") for each in _COMMON.split()]
    yield from [f"    {each}" for each in common] * _OFTEN
    yield from [f"x = {each}\n" for each in common] * _OFTEN


def _functions(module: str) -> Iterator[str]:
    """The functions of a module that are not long, without their docstrings."""
    path = Path(get_path("stdlib"), *module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            if ast.get_docstring(node) is not None:
                del node.body[0]
            text = ast.unparse(node) if node.body else ""
            if 0 < len(text) < _LONGEST:
                yield text + "\n"
