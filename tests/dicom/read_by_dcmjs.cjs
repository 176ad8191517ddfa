// What dcmjs reads in files of DICOM: node read_by_dcmjs.cjs FOLDER_OF_NODE_MODULES FILE...
// One line of JSON for each file.
const fs = require("fs");
const path = require("path");
const dcmjs = require(path.join(process.argv[2], "dcmjs"));
const { DicomMessage, DicomMetaDictionary } = dcmjs.data;

const list = (item) => (item === undefined ? [] : Array.isArray(item) ? item : [item]);

function numbers(items) {
  // Numbers of a report, wherever they stand: meaning, value, unit.
  return list(items).flatMap((item) => {
    const below = numbers(item.ContentSequence);
    if (item.ValueType !== "NUM") return below;
    const measured = list(item.MeasuredValueSequence)[0];
    const name = list(item.ConceptNameCodeSequence)[0].CodeMeaning;
    const unit = list(measured.MeasurementUnitsCodeSequence)[0].CodeValue;
    return [{ name, value: Number(list(measured.NumericValue)[0]), unit }, ...below];
  });
}

function frames(set) {
  return list(set.PerFrameFunctionalGroupsSequence).map((frame) => ({
    position: list(frame.PlanePositionSequence)[0].ImagePositionPatient,
    segment: frame.SegmentIdentificationSequence
      ? list(frame.SegmentIdentificationSequence)[0].ReferencedSegmentNumber
      : 0,
  }));
}

function pixels(set) {
  if (set.FloatPixelData) return Array.from(new Float32Array(list(set.FloatPixelData)[0]));
  if (set.BitsAllocated !== 1) return [];
  const packed = new Uint8Array(list(set.PixelData)[0]);
  const count = set.Rows * set.Columns * set.NumberOfFrames;
  return Array.from({ length: count }, (_, n) => (packed[n >> 3] >> (n & 7)) & 1);
}

for (const file of process.argv.slice(3)) {
  const bytes = fs.readFileSync(file);
  const message = DicomMessage.readFile(
    bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length),
  );
  const set = DicomMetaDictionary.naturalizeDataset(message.dict);
  const segments = list(set.SegmentSequence).map((each) => each.SegmentLabel);
  const found = {
    modality: set.Modality, patient: set.PatientID, study: set.StudyInstanceUID, segments,
    numbers: numbers(set.ContentSequence), frames: frames(set), pixels: pixels(set),
    rows: set.Rows, columns: set.Columns,
  };
  console.log(JSON.stringify(found));
}
