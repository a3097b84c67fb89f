-- Wireshark dissector for what travels between tcp-proxy -c and -s: the classic framing and the trunk (docs/wire.md).
-- A connection whose first message is a handshake is a carrier; its later messages are datagrams of frames. All others are
-- classic: messages of bytes. Filter on tcpstriper, tcpstriper.type, tcpstriper.stream ...

local striper = Proto('tcpstriper', 'tcp-striper')

local HANDSHAKES = { [1] = 'HELLO', [2] = 'WELCOME', [3] = 'PROOF', [4] = 'REFUSE', [5] = 'JOINED' }
local REFUSALS = {
  [1] = 'key', [2] = 'version', [3] = 'unknown trunk', [4] = 'carrier in use', [5] = 'busy', [6] = 'framing',
  [7] = 'encryption', [8] = 'certificate',
}
local FRAMES = {
  [1] = 'STREAM', [2] = 'RESET_STREAM', [3] = 'STOP_SENDING', [4] = 'MAX_STREAM_DATA', [5] = 'MAX_DATA',
  [6] = 'ACK', [7] = 'PING', [8] = 'PONG', [9] = 'GOAWAY',
  [10] = 'FIRST_WINDOW',
}
local REASONS = {
  [0] = 'reset', [1] = 'refused', [2] = 'unreachable', [3] = 'timeout', [4] = 'name not resolved',
  [5] = 'out of resources', [6] = 'cancelled', [7] = 'truncated', [8] = 'malformed', [9] = 'not permitted', [10] = 'other',
}

local f = {
  length = ProtoField.uint32('tcpstriper.length', 'Length'),
  payload = ProtoField.bytes('tcpstriper.payload', 'Payload'),
  handshake = ProtoField.uint8('tcpstriper.handshake', 'Handshake', base.DEC, HANDSHAKES),
  version = ProtoField.uint8('tcpstriper.version', 'Version'),
  create = ProtoField.bool('tcpstriper.create', 'May create the trunk', 8, nil, 1),
  key = ProtoField.bool('tcpstriper.key', 'Has a key', 8, nil, 2),
  refusal = ProtoField.uint8('tcpstriper.refusal', 'Refused because of', base.DEC, REFUSALS),
  trunk = ProtoField.bytes('tcpstriper.trunk', 'Trunk'),
  carrier = ProtoField.uint32('tcpstriper.carrier', 'Carrier'),
  instance = ProtoField.bytes('tcpstriper.instance', 'Server instance'),
  nonce = ProtoField.bytes('tcpstriper.nonce', 'Nonce'),
  streamWindow = ProtoField.uint64('tcpstriper.window.stream', 'Window of a stream'),
  trunkWindow = ProtoField.uint64('tcpstriper.window.trunk', 'Window of the trunk'),
  proof = ProtoField.bytes('tcpstriper.proof', 'Proof'),
  type = ProtoField.uint8('tcpstriper.type', 'Frame', base.DEC, FRAMES),
  flags = ProtoField.uint8('tcpstriper.flags', 'Flags', base.HEX),
  open = ProtoField.bool('tcpstriper.open', 'OPEN', 8, nil, 1),
  fin = ProtoField.bool('tcpstriper.fin', 'FIN', 8, nil, 2),
  reason = ProtoField.uint8('tcpstriper.reason', 'Reason', base.DEC, REASONS),
  stream = ProtoField.uint32('tcpstriper.stream', 'Stream'),
  offset = ProtoField.uint64('tcpstriper.offset', 'Offset'),
  limit = ProtoField.uint64('tcpstriper.limit', 'Limit'),
  count = ProtoField.uint64('tcpstriper.count', 'Datagrams received'),
  token = ProtoField.uint64('tcpstriper.token', 'Token'),
  text = ProtoField.string('tcpstriper.text', 'Text', base.UNICODE),
  label = ProtoField.bytes('tcpstriper.label', 'Label'),
  data = ProtoField.bytes('tcpstriper.data', 'Data'),
}
striper.fields = f

local malformed = ProtoExpert.new('tcpstriper.malformed', 'Malformed', expert.group.MALFORMED, expert.severity.ERROR)
local refused = ProtoExpert.new('tcpstriper.refused', 'Refused', expert.group.RESPONSE_CODE, expert.severity.WARN)
local reset = ProtoExpert.new('tcpstriper.reset', 'Reset', expert.group.RESPONSE_CODE, expert.severity.NOTE)
striper.experts = { malformed, refused, reset }

-- Segments are put together up to this, whatever a length says; a proxy takes 256 KiB unless told otherwise.
local MOST_BYTES = 16 * 1024 * 1024
local MAGIC = 0x54535452

local function note(tree, expertInfo, words)
  tree:add_proto_expert_info(expertInfo, words)
end

-- The length in front of a message: value and bytes that it takes; nothing when more are needed; false when it is none.
local function readLength(tvb, at)
  local value = 0
  for i = 0, 4 do
    if at + i >= tvb:len() then return nil end
    local byte = tvb(at + i, 1):uint()
    value = value + (byte % 128) * 2 ^ (7 * i)
    if byte < 128 then
      if value >= 2 ^ 32 then return false end
      return value, i + 1
    end
  end
  return false
end

local function addHandshake(tvb, tree, info)
  local kind = tvb(4, 1):uint()
  tree:add(f.handshake, tvb(4, 1))
  tree:add(f.version, tvb(5, 1))
  info[#info + 1] = HANDSHAKES[kind] or ('handshake ' .. kind)
  local at = 8
  local function take(field, length)
    if at + length > tvb:len() then
      note(tree, malformed, 'the message ends too early')
      at = tvb:len() + 1
      return
    end
    tree:add(field, tvb(at, length))
    at = at + length
  end
  local function windows()
    take(f.streamWindow, 8)
    take(f.trunkWindow, 8)
  end
  if kind == 1 then
    tree:add(f.create, tvb(6, 1))
    tree:add(f.key, tvb(6, 1))
    take(f.trunk, 16)
    take(f.carrier, 4)
    take(f.nonce, 32)
    windows()
  elseif kind == 2 then
    tree:add(f.key, tvb(6, 1))
    take(f.instance, 16)
    take(f.nonce, 32)
    windows()
    if math.floor(tvb(6, 1):uint() / 2) % 2 == 1 then take(f.proof, 32) end
  elseif kind == 3 then
    take(f.proof, 32)
  elseif kind == 4 then
    local why = tvb(6, 1):uint()
    local item = tree:add(f.refusal, tvb(6, 1))
    note(item, refused, 'refused: ' .. (REFUSALS[why] or why))
    if tvb:len() > 8 then take(f.text, tvb:len() - 8) end
  elseif kind ~= 5 then
    note(tree, malformed, 'no such message: ' .. kind)
    return
  end
  if at < tvb:len() then note(tree, malformed, (tvb:len() - at) .. ' bytes too many') end
end

local VALUES = { [1] = f.offset, [2] = f.offset, [4] = f.limit, [5] = f.limit, [6] = f.count, [7] = f.token, [8] = f.token }
local WITH_STREAM = { [1] = true, [2] = true, [3] = true, [4] = true }
local WITH_REASON = { [2] = true, [3] = true, [9] = true }

-- Returns where the frame ends.
local function addFrame(tvb, at, parent, info)
  local left = tvb:len() - at
  if left < 16 then
    note(parent, malformed, 'the frame ends too early')
    return tvb:len()
  end
  local kind = tvb(at, 1):uint()
  local flags = tvb(at + 1, 1):uint()
  local textLength = tvb(at + 2, 2):uint()
  local name = FRAMES[kind] or ('frame ' .. kind)
  local known = FRAMES[kind] ~= nil and textLength <= 512 and 16 + textLength <= left
  local length = (kind == 1 or not known) and left or 16 + textLength
  local tree = parent:add(striper, tvb(at, length), name)
  tree:add(f.type, tvb(at, 1))
  tree:add(f.flags, tvb(at + 1, 1))
  if not known then
    note(tree, malformed, FRAMES[kind] == nil and 'no such frame: ' .. kind or 'the text is longer than there is room')
    info[#info + 1] = name
    return tvb:len()
  end
  local words = name
  if WITH_STREAM[kind] then
    tree:add(f.stream, tvb(at + 4, 4))
    words = words .. ' ' .. tvb(at + 4, 4):uint()
  elseif kind == 6 then
    tree:add(f.carrier, tvb(at + 4, 4))
    words = words .. ' ' .. tvb(at + 4, 4):uint()
  end
  if VALUES[kind] ~= nil then tree:add(VALUES[kind], tvb(at + 8, 8)) end
  if kind == 1 then
    tree:add(f.open, tvb(at + 1, 1))
    tree:add(f.fin, tvb(at + 1, 1))
    if textLength > 0 then tree:add(f.label, tvb(at + 16, textLength)) end
    local bytes = left - 16 - textLength
    if bytes > 0 then tree:add(f.data, tvb(at + 16 + textLength, bytes)) end
    words = words .. ' (' .. bytes .. ' bytes' .. (flags % 2 == 1 and ', OPEN' or '')
    words = words .. (math.floor(flags / 2) % 2 == 1 and ', FIN' or '') .. ')'
  else
    if textLength > 0 then tree:add(f.text, tvb(at + 16, textLength)) end
    if WITH_REASON[kind] then
      local item = tree:add(f.reason, tvb(at + 1, 1))
      note(item, reset, name .. ': ' .. (REASONS[flags] or 'reset'))
    end
  end
  tree:set_text(words)
  info[#info + 1] = words
  return at + length
end

-- Which TCP connections are carriers: known from the magic of their first message, kept by stream number.
local carriers = {}
function striper.init() carriers = {} end

local tcpStream = Field.new('tcp.stream')

local function isHandshake(tvb)
  return tvb:len() >= 8 and tvb(0, 4):uint() == MAGIC
end

local function addMessage(tvb, tree, info, connection)
  if isHandshake(tvb) then
    carriers[connection] = true
    return addHandshake(tvb, tree, info)
  end
  if not carriers[connection] then
    if tvb:len() > 0 then tree:add(f.payload, tvb()) end
    info[#info + 1] = tvb:len() .. ' bytes'
    return
  end
  if tvb:len() == 0 then note(tree, malformed, 'an empty datagram') end
  local at = 0
  while at < tvb:len() do at = addFrame(tvb, at, tree, info) end
end

function striper.dissector(tvb, pinfo, root)
  pinfo.cols.protocol = 'tcp-striper'
  local field = tcpStream()
  local connection = field ~= nil and field.value or -1
  local info = {}
  local at = 0
  while at < tvb:len() do
    local length, prefix = readLength(tvb, at)
    if length == nil then
      pinfo.desegment_offset = at
      pinfo.desegment_len = DESEGMENT_ONE_MORE_SEGMENT
      break
    end
    if length == false or length > MOST_BYTES then
      local tree = root:add(striper, tvb(at), 'tcp-striper')
      note(tree, malformed, length == false and 'no length of a message' or 'a message of ' .. length .. ' bytes')
      at = tvb:len()
      break
    end
    local have = tvb:len() - at - prefix
    if have < length then
      pinfo.desegment_offset = at
      pinfo.desegment_len = length - have
      break
    end
    local tree = root:add(striper, tvb(at, prefix + length), 'tcp-striper')
    tree:add(f.length, tvb(at, prefix), length)
    if length > 0 then
      addMessage(tvb(at + prefix, length):tvb(), tree, info, connection)
    else
      if carriers[connection] then note(tree, malformed, 'an empty datagram') end
      info[#info + 1] = '0 bytes'
    end
    at = at + prefix + length
  end
  if #info > 0 then pinfo.cols.info = table.concat(info, ', ', 1, math.min(#info, 8)) end
  return tvb:len()
end

-- The port of the examples in the README, which Wireshark would take for RTPproxy's.
DissectorTable.get('tcp.port'):add(22222, striper)

-- On any other port a carrier is known by its first message; the classic framing by nothing, so it needs Decode As.
local function looksLikeCarrier(tvb, pinfo, root)
  if tvb:len() < 9 then return false end
  local length, prefix = readLength(tvb, 0)
  if not length or tvb:len() < prefix + 8 or tvb(prefix, 4):uint() ~= MAGIC then return false end
  pinfo.conversation = striper
  striper.dissector(tvb, pinfo, root)
  return true
end
striper:register_heuristic('tcp', looksLikeCarrier)
