// The licences of all packages that the build has taken something of.

const { readdirSync, readFileSync } = require("fs");

const inputs = Object.values(JSON.parse(readFileSync("meta.json")).outputs)
  .flatMap((output) => Object.entries(output.inputs))
  .filter(([, { bytesInOutput }]) => bytesInOutput > 0)
  .map(([name]) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(name))
  .filter((found) => found)
  .map(([, name]) => name);

function tell(title, file) {
  console.log(`${title}\n\n${readFileSync(file, "utf8").trim()}\n\n${"-".repeat(72)}\n`);
}

for (const name of [...new Set(inputs)].sort()) {
  const folder = `node_modules/${name}`;
  const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`));
  const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
  tell(`${name} ${version}, ${license}`, file ? `${folder}/${file}` : `licence-of-${name.split("/").pop()}.txt`);
}
tell("niivue-font.png is drawn from Roboto Regular, Copyright Google, Apache-2.0", "licence-of-roboto.txt");
