// What does not fit the width of the screen: boxes that scroll sideways and text that runs out of the picture.
() => {
  const faults = [], name = one => `${one.tagName.toLowerCase()} "${(one.innerText ?? '').trim().slice(0, 60)}"`
  const root = document.scrollingElement
  if (root.scrollWidth > root.clientWidth + 1) faults.push(`the page scrolls sideways: ${root.scrollWidth}`)
  // Tables and pictures of code may scroll in a box of their own.
  const mayScroll = '[data-testid=stDataFrame], [data-testid=stTable], [data-testid=stCode], pre, .may-scroll-sideways'
  for (const one of document.querySelectorAll('[data-testid=stMain], [data-testid=stMain] *, [data-testid=stSidebarContent] *')) {
    if (one.closest(mayScroll) || !one.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue
    const style = getComputedStyle(one), box = one.getBoundingClientRect()
    if (box.width <= 1 || box.height <= 1 || style.clipPath !== 'none') continue
    if (['auto', 'scroll'].includes(style.overflowX) && one.scrollWidth > one.clientWidth + 1)
      faults.push(`scrolls sideways: ${name(one)}`)
    const written = [...one.childNodes].filter(node => node.nodeType === Node.TEXT_NODE && node.data.trim())
    if (!written.length) continue
    if (['hidden', 'clip'].includes(style.overflowX) && one.scrollWidth > one.clientWidth + 1 && !one.title)
      faults.push(`cut off: ${name(one)}`)
    const range = document.createRange()
    for (const node of written) {
      range.selectNodeContents(node)
      const text = range.getBoundingClientRect()
      const hidden = one.closest('[data-testid=stSidebar]') && text.right <= 1  // a closed sidebar waits outside
      if (text.width > 1 && !hidden && (text.right > innerWidth + 1 || text.left < -1)) faults.push(`out of the picture: ${name(one)}`)
    }
  }
  return [...new Set(faults)]
}
