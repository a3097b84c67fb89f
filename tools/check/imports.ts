/** What a TypeScript source imports, read with TypeScript's own parser. */
import ts from 'typescript';

export interface Import {
  /** The specifier, or null where it is not a plain string and nobody can say what is imported. */
  specifier: string | null;
  line: number;
}

/**
 * Every import of a source, in order: static, `import type`, `export ... from`, `import()`, `import('x').T` in a
 * type, `import x = require()`, and require() where createRequire or CommonJS offers it.
 */
export function readImports(fileName: string, text: string): Import[] {
  const source = ts.createSourceFile(fileName, text, ts.ScriptTarget.Latest, true);
  const found: Import[] = [];
  const add = (node: ts.Node, specifier: ts.Node | undefined) => {
    const { line } = source.getLineAndCharacterOfPosition(node.getStart(source));
    const plain = specifier !== undefined && ts.isStringLiteralLike(specifier);
    found.push({ specifier: plain ? specifier.text : null, line: line + 1 });
  };
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier);
    else if (ts.isExportDeclaration(node) && node.moduleSpecifier) add(node, node.moduleSpecifier);
    else if (ts.isExternalModuleReference(node)) add(node, node.expression);
    else if (ts.isImportTypeNode(node))
      add(node, ts.isLiteralTypeNode(node.argument) ? node.argument.literal : undefined);
    else if (ts.isCallExpression(node) && importsByCall(node)) add(node, node.arguments[0]);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return found;
}

function importsByCall({ expression }: ts.CallExpression): boolean {
  return (
    expression.kind === ts.SyntaxKind.ImportKeyword ||
    (ts.isIdentifier(expression) && expression.text === 'require')
  );
}
