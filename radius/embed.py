"""Turns a file into a C array: embed.py FILE NAME > HEADER"""
import sys

with open(sys.argv[1], "rb") as file:
    content = file.read()
print(f"/* {sys.argv[2]}: made of {sys.argv[1].rsplit('/', 1)[-1]} */")
print(f"static const unsigned char {sys.argv[2]}[] = {{")
for at in range(0, len(content), 16):
    print("\t" + "".join(f"{byte}, " for byte in content[at:at + 16]))
print("};")
